"""``%whisper``: the session from a cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.provider import Act, FakeProvider, Reply, text
from tests.notebook.conftest import Connect, OpenNotebook, Serve, asking
from tests.notebook.kernel import Kernel, plain_kernel
from tests.notebook.script import environment
from tests.server.process import Server

LOAD = "%load_ext whisperer_kernel\nimport json\n"


@pytest.fixture
async def kernel(asking_server: Server, notebook: OpenNotebook, provider: FakeProvider) -> Kernel:  # noqa: ARG001
    """A kernel with the magics, before anything was asked."""
    opened = await notebook(asking_server)
    await opened.run(LOAD)
    return opened


async def said(kernel: Kernel, line: str) -> list[str]:
    """The lines that a subcommand prints; it does not fail."""
    cell = await kernel.run(f"%whisper {line}")
    assert cell.error == ""
    return cell.printed.splitlines()


async def test_agents_and_switch(asking_server: Server, kernel: Kernel, connect: Connect) -> None:
    """Who is there, who answers, and that the page is told."""
    page = await connect(asking_server)
    await page.start(kernelId=kernel.id)
    lines = await said(kernel, "agents")
    assert [line.split()[:2] for line in lines] == [["*", "alice"], ["patricia", "Patricia,"], ["tessa", "Tessa,"]]
    assert await said(kernel, "switch Tessa") == ["Tessa answers."]
    await page.expect("agent.switched", to="tessa")
    assert (await said(kernel, "agents"))[2].startswith("* tessa ")


async def test_status_and_provider(asking_server: Server, kernel: Kernel) -> None:
    """Where the session is, who answers, what is permitted."""
    session = await kernel.value("from whisperer_kernel import Whisperer\nw = Whisperer()\nw.agents_sync()\nprint('1')")
    assert session == 1
    lines = await said(kernel, "status")
    assert lines[0] == f"Whisperer: attached to {asking_server.url}/"
    assert lines[1].endswith("; messages: 1")
    assert lines[2] == "Agent: Alice"
    assert lines[3].endswith(": fake-model")
    assert lines[4] == "Mode: ask (agents ask before they change a cell or run code)"
    assert lines[3] == (await said(kernel, "provider"))[0]


async def test_model(kernel: Kernel, provider: FakeProvider) -> None:
    """Which there are, which is asked, and another from now on."""
    assert [line.strip() for line in (await said(kernel, "model"))[1:]] == ["fake-model"]
    assert (await said(kernel, "model another-model"))[0].endswith("another-model")
    await kernel.run("%alice Who are you?", cell_id="a")
    assert provider.chats()[-1].json["model"] == "another-model"
    assert (await said(kernel, "status"))[3].endswith(": another-model")


async def test_many_models_are_not_all_listed(kernel: Kernel, provider: FakeProvider) -> None:
    """How to find the rest is said."""
    provider.models, before = [{"id": f"model-{number:03}"} for number in range(300)], provider.models
    try:
        lines = await said(kernel, "model")
    finally:
        provider.models = before
    assert len(lines) == 22
    assert lines[-1] == "… and 280 more: type the beginning of a name and press Tab."


async def test_mode(asking_server: Server, kernel: Kernel, connect: Connect) -> None:
    """What agents may do, also where the page changes it."""
    page = await connect(asking_server)
    await page.start(kernelId=kernel.id)
    assert await said(kernel, "mode") == ["ask: agents ask before they change a cell or run code."]
    assert await said(kernel, "mode plan") == ["plan: agents read and change nothing."]
    await page.expect("session.mode_changed", mode="plan")
    await page.request("session.set_mode", sessionId=page.session_id, mode="edit")
    assert (await said(kernel, "status"))[4].startswith("Mode: edit ")


async def test_history_and_clear(kernel: Kernel, provider: FakeProvider) -> None:
    """What was said, to whom, how much of it; and that it can be forgotten."""
    for number in range(12):
        provider.script(Reply.answer(f"Answer <b>{number}</b>"))
        await kernel.run(f"%{'tessa' if number == 5 else 'alice'} Question {number}", cell_id="a")
    cell = await kernel.run("%whisper history")
    assert cell.shown["text/markdown"].startswith("… and 5 before these.\n\n**You**\n\nQuestion 2")
    assert cell.shown["text/markdown"].endswith("**You**\n\nQuestion 11\n\n**Alice**\n\nAnswer &lt;b>11&lt;/b>")
    assert (await kernel.run("%whisper history 1")).text.endswith("before these.\n\nAlice: Answer <b>11</b>")
    tessa = await kernel.run("%whisper history Tessa")
    assert tessa.text == "You: @tessa Question 5\n\nTessa: Answer <b>5</b>"
    assert await said(kernel, "clear tessa") == ["The conversation with tessa is cleared."]
    assert await said(kernel, "history tessa") == ["Nothing has been said yet."]
    assert await said(kernel, "clear") == ["The conversation with everybody is cleared."]
    assert await said(kernel, "history") == ["Nothing has been said yet."]


async def test_stop(asking_server: Server, kernel: Kernel, provider: FakeProvider, connect: Connect) -> None:
    """A turn that the page began is ended; where none runs, that is said."""
    assert await said(kernel, "stop") == ["Nothing is running."]
    page = await connect(asking_server)
    await page.start(kernelId=kernel.id)
    provider.script(Reply([*text("so far"), Act.HANG]))
    message_id = await page.send("Go on")
    await page.text(message_id, "so far")
    assert (await said(kernel, "status"))[1].endswith("; an answer is being given")
    assert await said(kernel, "stop") == ["Stopped."]
    assert (await page.answer(message_id)).reason == "cancelled"


async def test_fix_gives_the_error_to_alice(kernel: Kernel, provider: FakeProvider) -> None:
    """Error and cell, and no other error since that was about asking; the corrected cell can be put in."""
    broken = "prices = {'tea': 2}\ndef price(name):\n    return prices[name]\nprice('```milk')"
    assert (await kernel.run(broken)).error == "KeyError: '```milk'"
    provider.script(Reply.error(401, "No such key."), Reply.answer("There is no milk.\n\n```python\nprice('tea')\n```"))
    assert (await kernel.run("%whisper fix", cell_id="a")).error.startswith("TurnFailed: ")
    await kernel.run("%alice --nonsense")
    fixed = await kernel.run("%whisper fix --insert", cell_id="a")
    assert fixed.next_input == "price('tea')"
    assert fixed.shown["text/markdown"].startswith("**Alice**\n\nThere is no milk.")
    # What was not answered stands before it.
    question = provider.chats()[-1].json["messages"][-1]["content"].rpartition("My cell failed.")[2]
    assert "````\nKeyError: '```milk'\n````" in question
    assert f"````python\n{broken}\n````" in question
    assert "The error arose in line 3 of the cell, called from line 4 of the cell." in question
    assert "ipykernel" not in question


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["x = 1\n1 / 0"], "The error arose in line 2 of the cell."),
        (
            ["def f():\n    1 / 0", "x = 1\n\nf()"],
            "The error arose in line 2 of another cell, called from line 3 of the cell.",
        ),
        (
            ["def f(n):\n    return f(n - 1) if n else 1 / 0\nf(50)"],
            "line 2 of the cell, called from line 3 of the cell.",
        ),
    ],
)
async def test_fix_says_where_the_error_arose(
    kernel: Kernel, provider: FakeProvider, cells: list[str], said: str
) -> None:
    """In which line of which cell, and whence it was called; a recursion's line once."""
    for cell in cells:
        await kernel.run(cell)
    await kernel.run("%whisper fix", cell_id="a")
    question = provider.chats()[-1].json["messages"][-1]["content"]
    assert question.endswith(said)


async def test_fix_of_an_error_that_is_no_exception(kernel: Kernel, provider: FakeProvider) -> None:
    """A mistake in the grammar, given to Tessa, and not asked twice."""
    await kernel.run("def f(:\n    pass")
    await kernel.run("%whisper fix Tessa", cell_id="a")
    question = provider.chats()[-1].json["messages"][-1]["content"]
    assert "SyntaxError: invalid syntax" in question
    assert "```python\ndef f(:\n    pass\n```" in question
    assert "ipykernel" not in question
    await kernel.run("1 / 1")
    assert "nothing was sent" in (await kernel.run("%whisper fix tessa", cell_id="a")).text
    assert len(provider.chats()) == 1


async def test_tests(kernel: Kernel, provider: FakeProvider) -> None:
    """Made and run without a model; what passed is offered as a cell."""
    await kernel.run("def double(n: int) -> int:\n    return 2 * n")
    cell = await kernel.run("%whisper tests double")
    assert cell.error == ""
    assert cell.printed.startswith("✓ ")
    assert cell.next_input is not None
    assert cell.next_input.startswith("%%tests\n")
    assert provider.chats() == []


async def test_help(kernel: Kernel) -> None:
    """Every subcommand with what it takes and does; ``%whisper`` alone says the same."""
    lines = await said(kernel, "help")
    names = "agents switch status model provider mode history clear export stop fix tests insert help"
    assert " ".join(line.split()[1] for line in lines[:14]) == names
    assert all(line.endswith((".", "says how.")) for line in lines if line)
    assert await said(kernel, "") == lines


async def test_provider(serve: Serve, notebook: OpenNotebook, provider: FakeProvider) -> None:
    """Who could answer and what each lacks; another from now on, which other kernels are told as well."""
    server = serve(environ={**asking(provider), "WHISPERER_PROVIDER__PROBE_LOCAL": "false"})
    kernel, other = await notebook(server), await notebook(server)
    for each in (kernel, other):
        await each.run(LOAD)
    lines = await said(kernel, "provider")
    assert lines[0].endswith(": fake-model")
    assert [line.split()[:2] for line in lines[1:] if line.startswith("*")] == [["*", "openai-compatible"]]
    (openai,) = [line for line in lines if line.split()[0] == "openai"]
    assert openai.endswith(": needs a key, which the chat takes")
    await said(other, "status")
    assert (await said(kernel, "provider openai-compatible big-model"))[0].endswith(": big-model")
    assert (await said(other, "status"))[3].endswith(": big-model")
    await other.run("%alice Who are you?", cell_id="a")
    assert provider.chats()[-1].json["model"] == "big-model"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("dance", "UsageError: There is no %whisper dance. %whisper help lists what there is."),
        ("stats", "UsageError: There is no %whisper stats (did you mean status?)."),
        ("status now", "UsageError: %whisper status takes nothing after it."),
        ("switch", "UsageError: Usage: %whisper switch AGENT"),
        ("provider bob", "InvalidParams: bob: there is no such provider to choose; there are "),
        ("provider openai", "WhispererError: OpenAI needs a key: "),
        ("switch bob", "NoSuchAgent: There is no agent 'bob'; there are alice, patricia, tessa."),
        ("model \x07", "InvalidParams: "),
        ("mode fast", "UsageError: There is no mode fast. There are plan, ask, edit, auto."),
        ("mode pln", "UsageError: There is no mode pln (did you mean plan?)."),
        ("history bob", "NoSuchAgent: "),
        ("clear bob", "NoSuchAgent: "),
        ("export x.pdf", "UsageError: Export as what? %whisper export [markdown|ipynb|json] [FILE]"),
        ("fix", "NothingToFix: No cell of your code has failed in this kernel; there is nothing to fix."),
        ("fix --fast", "UsageError: There is no option --fast. Usage: %whisper fix [--again] [--insert] [AGENT]"),
        ("tests", "UsageError: Usage: %whisper tests FUNCTION"),
        ("tests not there", "InvalidParams: target must be a function or its name, not 'not there'"),
        ("tests nothing", "NoTests: "),
    ],
)
async def test_what_cannot_be_done_is_said(kernel: Kernel, line: str, error: str) -> None:
    """In one line."""
    ran = await kernel.run(f"%whisper {line}")
    shown = "".join(ran.traceback) or ran.printed
    assert shown.startswith(error)
    assert len(shown.splitlines()) == 1


async def test_in_process_too(tmp_path: Path, provider: FakeProvider) -> None:
    """Where no server is, every subcommand works on the kernel's own session."""
    async with plain_kernel(tmp_path, environment(tmp_path, asking(provider))) as (_, kernel):
        await kernel.run(LOAD)
        await kernel.run("%alice Hello", cell_id="a")
        assert (await said(kernel, "status"))[0].startswith("Whisperer: in process (no Whisperer server: ")
        assert (await said(kernel, "switch tessa"), await said(kernel, "stop")) == (
            ["Tessa answers."],
            ["Nothing is running."],
        )
        assert await said(kernel, "mode edit") == [
            "edit: agents change cells without asking, and ask before they run code."
        ]
        assert (await kernel.run("%whisper history alice 2")).text.startswith("… and 1 before these.\n\nYou: Hello")
        await kernel.run("def double(n: int) -> int:\n    return 2 * n")
        assert (await kernel.run("%whisper tests double")).printed.startswith("✓ ")


async def test_export(kernel: Kernel, tmp_path: Path) -> None:
    """Shown, or into a new file, whose ending says what it is to be."""
    await kernel.run("%alice Hello", cell_id="a")
    assert json.loads("\n".join(await said(kernel, "export json")))["messages"][1]["content"] == "Hello"
    assert "Hello" in "\n".join(await said(kernel, "export"))
    file = tmp_path / "conversation.md"
    assert await said(kernel, f"export {file}") == [f"The conversation is in {file}."]
    assert "Hello" in file.read_text()
    assert f"UsageError: {file} is there already" in (await kernel.run(f"%whisper export {file}")).printed
    assert "cannot be written" in (await kernel.run(f"%whisper export ipynb {tmp_path}/no/such.ipynb")).printed
