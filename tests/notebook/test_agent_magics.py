"""``%%alice`` and her colleagues: a question in a cell, the answer below it while it comes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import Act, FakeProvider, Reply, text
from tests.notebook.conftest import Connect, OpenNotebook, asking
from tests.notebook.kernel import Kernel, interrupt, plain_kernel
from tests.notebook.script import environment
from tests.server.process import Server

LOAD = "%load_ext whisperer_kernel\nimport json\n"
CODE = "Use this:\n\n```python\nx = 1\n```\n\nand\n\n```python\n\ny = '<b>'\n```\n\n```sql\nselect 1\n```\n"


@pytest.fixture
async def kernel(asking_server: Server, notebook: OpenNotebook, provider: FakeProvider) -> Kernel:  # noqa: ARG001
    """A kernel with the magics, before anything was asked."""
    opened = await notebook(asking_server)
    assert (await opened.run(LOAD)).error == ""
    return opened


def asked(provider: FakeProvider) -> list[str]:
    """What the provider was asked, in order."""
    return [str(request.json["messages"][-1]["content"]) for request in provider.chats()]


async def test_answer_appears_while_it_comes(kernel: Kernel, provider: FakeProvider) -> None:
    """One output, renewed: who answers, the text so far, and in the end the whole as markdown that runs nothing."""
    gate = provider.gate()
    provider.script(Reply([*text("# So <i>far</i>"), gate, *Reply.answer(", and the rest.").steps]))
    running = asyncio.create_task(kernel.run("%%alice\nGo on", cell_id="a"))
    async with asyncio.timeout(30):
        await kernel.renewed.wait()
    gate.open()
    cell = await running
    shown = [showing["text/markdown"] for showing in cell.showings]
    assert shown[0] == "**Alice**\n\n…"
    assert shown[1] == "**Alice**\n\n**So &lt;i>far&lt;/i>**\n\n…"
    assert shown[-1] == "**Alice**\n\n**So &lt;i>far&lt;/i>, and the rest.**"
    assert cell.text == "# So <i>far</i>, and the rest."
    assert cell.printed == ""


async def test_what_is_sent_to_the_page_grows_with_the_length_alone(kernel: Kernel, provider: FakeProvider) -> None:
    """A thousand chunks are not a thousand renewals of the whole text."""
    chunks = [step for chunk in text(*["word " * 20] * 1_000) for step in (chunk, 0.002)]
    provider.script(Reply([*chunks, *Reply.answer("").steps]))
    cell = await kernel.run("%%alice\nMuch", cell_id="a")
    assert len(cell.text) == 100_000
    assert sum(len(showing["text/plain"]) for showing in cell.showings) < 60 * len(cell.text)


async def test_console_gets_the_text_as_it_comes(kernel: Kernel, provider: FakeProvider) -> None:
    """Where outputs cannot be renewed the text is printed once, and nothing in it moves a terminal's cursor."""
    provider.script(Reply.answer("One\x1b[2J", " two.\n", "Three."))
    cell = await kernel.run("%%alice\nGo on")
    assert cell.printed == "Alice:\nOne\ufffd[2J two.\nThree.\n"
    assert cell.showings == []
    again = await kernel.run("%%alice\nGo on")
    assert again.printed.startswith("Alice:\nOne\ufffd[2J two.\nThree.\nSaved answer of 2")


async def test_interrupted_cell_ends_the_turn(
    asking_server: Server, kernel: Kernel, provider: FakeProvider, connect: Connect
) -> None:
    """The provider's connection is closed, what was said stays, and the error is one line."""
    page = await connect(asking_server)
    await page.start(kernelId=kernel.id)
    provider.script(Reply([*text("so far"), Act.HANG]))
    running = asyncio.create_task(kernel.run("%%alice\nGo on", cell_id="a"))
    async with asyncio.timeout(30):
        await kernel.renewed.wait()
    await interrupt(asking_server, kernel)
    cell = await running
    assert cell.traceback == ["KeyboardInterrupt: stopped"]
    assert cell.shown["text/markdown"] == "**Alice**\n\nso far\n\n*The answer was stopped.*"
    assert await asyncio.to_thread(provider.chats()[0].closed.wait, 10)
    (user,) = page.seen("UserMessageNotification")
    assert (await page.answer(user["messageId"])).reason == "cancelled"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%alice What is x?", "What is x?"),
        ("%alice what's {x[0]}, {x[1]} and {d['k'].y}?", "what's 1, two and 7?"),
        ("for _ in range(1):\n    %ask tessa Is it {{x}}?", "Is it {x}?"),
        (
            "%%alice Explain\ndef f(x):\n    return {'a': {x: 1}}, f'{x}'",
            "Explain\ndef f(x):\n    return {'a': {x: 1}}, f'{x}'",
        ),
        ("%%alice\n@patricia is to be addressed?", "@patricia is to be addressed?"),
        ("%%ask Patricia\n```\n{x}\n{ x }\n```", "```\n[1, 'two']\n{ x }\n```"),
        ("%alice $HOME costs $x?", "$HOME costs $x?"),
    ],
)
async def test_question_as_it_is_sent(kernel: Kernel, provider: FakeProvider, cell: str, message: str) -> None:
    """Values filled in, code unharmed, question marks and addresses as they stand."""
    code = "from types import SimpleNamespace\nx = [1, 'two']\nd = {'k': SimpleNamespace(y=7)}"
    assert (await kernel.run(code)).error == ""
    ran = await kernel.run(cell, cell_id="a")
    assert (ran.error, ran.printed) == ("", "")
    assert asked(provider) == [message]


async def test_who_is_asked(asking_server: Server, kernel: Kernel, connect: Connect) -> None:
    """Each magic asks its agent, whoever is current, and who is current stays so."""
    for line in ("%patricia a", "%tessa b", "%alice c", "%ask tessa d"):
        await kernel.run(line, cell_id="a")
    page = await connect(asking_server)
    started = await page.start(kernelId=kernel.id)
    assert started["agent"] == "alice"
    users = [message for message in await page.history() if message["role"] == "user"]
    assert [(user["agent"], user["content"][-1]) for user in users] == [
        ("patricia", "a"),
        ("tessa", "b"),
        ("alice", "c"),
        ("tessa", "d"),
    ]


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("%%alice\n  \n", "UsageError: There is no question. Usage: %%alice [--again] [--insert], with"),
        ("%alice", "UsageError: There is no question."),
        ("%alice --fast What?", "UsageError: There is no option --fast. Usage: %%alice"),
        ("%alice --agan What?", "UsageError: There is no option --agan (did you mean --again?)."),
        ("%ask", "UsageError: Who is to be asked? %%ask tessa, for instance"),
        ("%%ask --again\nWhat?", "UsageError: Who is to be asked?"),
        ("%%ask bob\nWhat?", "NoSuchAgent: There is no agent 'bob'; there are alice, patricia, tessa."),
        (
            "%%alice\nWhat is {nothing}?",
            "InvalidParams: There is no variable nothing to fill in {nothing} with; nothing",
        ),
        ("%%alice\nWhat is {json.nothing}?", "InvalidParams: {json.nothing} cannot be filled in: AttributeError: "),
        ("%%alice\nAre {len(long)} many?", "InvalidParams: {len(long)}: nothing is called in braces: assign it to"),
        ("%%alice\n{long}", "InvalidParams: The question with its values is 300,000 characters long; 200,000 may be."),
        ("%%alice\n{half}", "InvalidParams: This cannot be sent: the text holds half a character"),
    ],
)
async def test_what_cannot_be_asked_is_said(kernel: Kernel, provider: FakeProvider, cell: str, error: str) -> None:
    """In one line, and nothing is sent."""
    await kernel.run("long = 'a' * 300_000\nhalf = '\\ud800'")
    ran = await kernel.run(cell, cell_id="a")
    said = "".join(ran.traceback) or ran.printed
    assert said.startswith(error)
    assert len(said.splitlines()) == 1
    assert asked(provider) == []


async def test_turn_that_fails_is_one_line(kernel: Kernel, provider: FakeProvider) -> None:
    """With what had come until then above it."""
    provider.script(Reply([*text("so far"), Act.RESET]), Reply.error(401, "No such key."))
    cut = await kernel.run("%%alice\nGo on", cell_id="a")
    assert cut.text.startswith("so far\n\n*The answer was cut off")
    failed = await kernel.run("%%alice\nAnd now?", cell_id="a")
    (line,) = failed.traceback
    assert line.startswith("TurnFailed: ")
    assert "\n" not in line
    assert failed.shown["text/markdown"] == "**Alice**"


async def test_code_is_put_into_a_cell_below(kernel: Kernel, provider: FakeProvider) -> None:
    """The Python of a fresh answer with ``--insert``, of the last one with ``%whisper insert``, as it is shown."""
    provider.script(Reply.answer(CODE), Reply.answer(CODE.replace("x = 1", "x = 2")))
    told = await kernel.run("%%alice\nShow me", cell_id="a")
    assert told.next_input is None
    assert "*`%whisper insert` puts the code into a cell below.*" in told.shown["text/markdown"]
    assert (await kernel.run("%whisper insert")).next_input == "x = 1\n\n\ny = '<b>'"
    inserted = await kernel.run("%%alice --insert --again\nShow me", cell_id="a")
    assert inserted.next_input == "x = 2\n\n\ny = '<b>'"
    assert "%whisper insert" not in inserted.shown["text/markdown"]
    again = await kernel.run("%%alice --insert\nShow me", cell_id="a")
    assert again.next_input is None
    assert "nothing was sent" in again.text
    assert (await kernel.run("%whisper insert")).next_input == "x = 2\n\n\ny = '<b>'"
    twice = await kernel.run("%whisper insert\n%whisper insert")
    assert twice.next_input == "x = 2\n\n\ny = '<b>'"
    assert twice.text.startswith("Whisperer made 1 cell that is not in the notebook:")
    alone = await kernel.run("%whisper insert", attended=False)
    assert alone.next_input is None
    assert "y = '<b>'" in alone.text


FAILED = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nZeroDivisionError: division by zero'


async def test_only_python_is_inserted(kernel: Kernel, provider: FakeProvider) -> None:
    """A traceback in a fence is left out, and so said; magics, shell commands and await are what a cell takes."""
    fences = ["%matplotlib inline\n!ls\nawait x()", FAILED]
    provider.script(
        Reply.answer("\n\n".join(f"```\n{code}\n```" for code in fences)), Reply.answer(f"```python\n{FAILED}\n```")
    )
    await kernel.run("%%alice\nShow me", cell_id="a")
    ran = await kernel.run("%whisper insert")
    assert ran.next_input == fences[0]
    assert ran.printed == "Left out, as no Python: 1 of the 2 blocks of code in the last answer.\n"
    told = await kernel.run("%%alice\nAnd now?", cell_id="b")
    assert "%whisper insert" not in told.shown["text/markdown"]
    ran = await kernel.run("%whisper insert")
    assert ran.next_input is None
    assert ran.traceback == ["InvalidParams: The code in the last answer is no Python: nothing was put into a cell."]


async def test_nothing_to_insert(kernel: Kernel, provider: FakeProvider) -> None:
    """Is said in a line; the answer is shown all the same."""
    assert (await kernel.run("%whisper insert")).traceback == [
        "InvalidParams: Nothing was answered here yet: ask first, with %%alice for instance."
    ]
    provider.script(Reply.answer("No code."))
    ran = await kernel.run("%%alice --insert\nShow me", cell_id="a")
    assert ran.text == "No code."
    assert ran.traceback == ["InvalidParams: There is no Python code in the last answer."]


async def test_agent_of_ones_own(tmp_path: Path, provider: FakeProvider) -> None:
    """``%%ask`` finds her by id and by name."""
    folder = tmp_path / "config" / "whisperer"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "ada.md").write_text("You count.")
    (folder / "agents.yaml").write_text("agents: [{id: ada, name: Countess Ada, prompt: ada.md}]")
    async with plain_kernel(tmp_path, environment(tmp_path, asking(provider))) as (_, kernel):
        await kernel.run(LOAD)
        cell = await kernel.run("%%ask ada\nHow many?", cell_id="a")
        assert cell.shown["text/markdown"].startswith("**Countess Ada**\n\n")
        assert "You count." in provider.chats()[0].json["messages"][0]["content"]
        assert await kernel.complete("%%ask a") == ["ada", "alice"]


async def test_load_unload_and_reload(kernel: Kernel) -> None:
    """Everything comes, goes, and comes again, once."""
    hooks = "len(get_ipython().input_transformer_manager.token_transformers)"
    before = await kernel.value(f"print({hooks})")
    await kernel.run("from whisperer_kernel import Whisperer\nw = Whisperer()\n%reload_ext whisperer_kernel")
    assert await kernel.value(f"print({hooks})") == before
    assert (await kernel.run("%alice one?", cell_id="a")).error == ""
    await kernel.run("%unload_ext whisperer_kernel")
    assert await kernel.value(f"print({hooks})") == before - 1
    for gone in ("%alice two?", "%whisper status", "%%tests\ndef test_a(): ..."):
        assert "not found" in (await kernel.run(gone)).printed
    assert await kernel.complete("%whisper sta") == []
    assert await kernel.value("print(json.dumps([m.content for m in w.history_sync()][-2:-1]))") == ["one?"]
    await kernel.run("%load_ext whisperer_kernel")
    assert (await kernel.run("%alice three?", cell_id="a")).error == ""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%%alice --", ["--again", "--insert"]),
        ("%%alice --again --i", ["--insert"]),
        ("%tessa --a", ["--again"]),
        ("%%ask ", ["alice", "patricia", "tessa"]),
        ("%ask te", ["tessa"]),
        ("%%ask tessa --a", ["--again"]),
        ("%whisper s", ["status", "stop", "switch"]),
        ("%whisper switch ", ["alice", "patricia", "tessa"]),
        ("%whisper mode a", ["ask", "auto"]),
        ("%whisper export ", ["ipynb", "json", "markdown"]),
        ("%whisper model fake", ["fake-model"]),
        ("%whisper model other:", ["other:free", "other:paid"]),
        ("%whisper tests my_", ["my_function"]),
        ("%whisper provider openai", ["openai", "openai-compatible"]),
    ],
)
async def test_tab_completes(kernel: Kernel, provider: FakeProvider, line: str, offered: list[str]) -> None:
    """Subcommands, options, agents, models, modes, formats, functions."""
    models: list[dict[str, Any]] = [{"id": name} for name in ("fake-model", "other:free", "other:paid")]
    provider.models, before = models, provider.models
    await kernel.run("def my_function(): ...\nmy_value = 1\n%whisper agents")
    try:
        # One Tab waits for two seconds, which may be too short for a machine that does much else.
        tabs = [sorted(await kernel.complete(line)) for _ in range(5)]
        assert offered in tabs
    finally:
        provider.models = before


async def test_help_says_how(kernel: Kernel) -> None:
    """``%alice?`` and ``%whisper?`` are what a user tries first."""
    alice = await kernel.help("%alice")
    assert "Ask Alice, who explains code and data" in alice
    assert "--again   ask anew" in alice
    assert "{name}" in alice
    assert "%%ask AGENT" in await kernel.help("%%ask")
    assert "agents, switch, status, model" in await kernel.help("%whisper")
