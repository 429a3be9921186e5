"""What needs a yes is asked of the person in front of the cell or terminal that waits, or of a function of hers."""

from __future__ import annotations

import asyncio
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebook.conftest import Connect, OpenNotebook, Serve, StartKernel, scripted
from tests.notebook.kernel import Cell, Kernel, Person
from tests.notebook.proxy import Proxy
from tests.notebook.script import run_script
from tests.notebook.test_kernel_tools import SAID, call

# Looking at files needs a yes here, since the policy says so.
ASKING = {"WHISPERER_TOOLS__ASK": "[list_files]"}
WISH = call("list_files", path=".")
ASKS = ("await w.ask('Look.')", "w.ask_sync('Look.')", "[chunk async for chunk in w.stream('Look.')]")
PROMPT = "Allow it? [o]nce, for this [s]ession, [n]o: "
AGAIN = "Please answer o, s or n: "
LAST = "print(json.dumps([m.content for m in w.history_sync() if m.role == 'tool'][-1]))"


def code(more: str = "") -> str:
    """Makes a client with these arguments."""
    return f"import json\nfrom whisperer_kernel import Whisperer\nw = Whisperer({more})\n"


async def is_allowed(kernel: Kernel) -> bool:
    """Whether the last tool call was carried out."""
    return "did not permit" not in await kernel.value(LAST)


@pytest.fixture
async def kernel(start_kernel: StartKernel) -> Kernel:
    """A kernel in which Alice wishes twice for what needs a yes."""
    started = await start_kernel([WISH, SAID, WISH, SAID], ASKING)
    await started.run(code())
    return started


@pytest.mark.parametrize("ask", ASKS)
async def test_yes(start_kernel: StartKernel, ipykernel: dict[str, str], ask: str) -> None:
    """The question says what will happen; nothing does before the answer."""
    kernel = await start_kernel([WISH, SAID], {**ASKING, **ipykernel})
    await kernel.run(code())
    person = Person("o")
    cell = await kernel.run(ask, person=person)
    assert cell.error == ""
    assert 'Alice asks to use list_files:\n\n    {\n      "path": "."\n    }\n' in cell.printed
    assert person.prompts == [PROMPT]
    assert await is_allowed(kernel)


@pytest.mark.parametrize(("line", "times"), [("once", 2), (" Session ", 1), ("s", 1)])
async def test_what_a_yes_holds_for(kernel: Kernel, line: str, times: int) -> None:
    """A yes once is for one call; a yes for the session is not asked for again."""
    person = Person(line, "o", "o")
    for _ in range(2):
        await kernel.run(ASKS[0], person=person)
        assert await is_allowed(kernel)
    assert person.prompts == [PROMPT] * times


@pytest.mark.parametrize(
    ("lines", "prompts"),
    [(["n"], [PROMPT]), (["yes, please", "no"], [PROMPT, AGAIN]), (["", "y"], [PROMPT, AGAIN])],
)
async def test_no(kernel: Kernel, lines: list[str], prompts: list[str]) -> None:
    """Nothing and nonsense are asked again once; whatever is not a yes then is a no."""
    person = Person(*lines)
    cell = await kernel.run(ASKS[0], person=person)
    assert cell.error == ""
    assert person.prompts == prompts
    assert "The user did not permit this." in await kernel.value(LAST)


async def test_yes_at_the_second_try(kernel: Kernel) -> None:
    """After nonsense a yes still counts."""
    person = Person("ja", "o")
    await kernel.run(ASKS[1], person=person)
    assert person.prompts == [PROMPT, AGAIN]
    assert await is_allowed(kernel)


@pytest.mark.parametrize("ask", ASKS)
async def test_stop_button_at_the_question(start_kernel: StartKernel, ipykernel: dict[str, str], ask: str) -> None:
    """The stop button is no answer: it is asked again, and the next time it is a no; the turn goes on."""
    kernel = await start_kernel([WISH, SAID], {**ASKING, **ipykernel})
    await kernel.run(code())
    person = Person()
    running = asyncio.create_task(kernel.run(ask, person=person))
    for prompts in ([PROMPT], [PROMPT, AGAIN]):
        await asyncio.wait_for(person.asked.wait(), 30)
        person.asked.clear()
        assert person.prompts == prompts
        await kernel.interrupt()
    cell = await running
    assert cell.error == ""
    assert "That is taken for a no." in cell.printed
    assert "The user did not permit this." in await kernel.value(LAST)
    # The stop button does again what it did.
    assert (await kernel.run("print(input('Name: '))", person=Person("Ann"))).printed == "Ann\n"


async def test_two_questions_at_once(start_kernel: StartKernel) -> None:
    """Turns of two sessions that ask at the same time are answered one after the other."""
    kernel = await start_kernel([WISH, WISH, SAID, SAID], ASKING)
    await kernel.run(code("new=True") + "import asyncio\nv = Whisperer(new=True)")
    person = Person("o", "n")
    cell = await kernel.run("replies = await asyncio.gather(w.ask('one'), v.ask('two'))", person=person)
    assert cell.error == ""
    assert person.prompts == [PROMPT, PROMPT]
    show = "print(json.dumps([[m.content for m in x.history_sync() if m.role == 'tool'][-1] for x in (w, v)]))"
    assert sorted("did not permit" in result for result in await kernel.value(show)) == [False, True]


async def test_where_nobody_can_be_asked(kernel: Kernel) -> None:
    """A front end that says nobody is there: refused at once, with a word on how to allow it."""
    cell = await kernel.run(ASKS[0], attended=False)
    assert cell.error == ""
    assert (
        "Alice wanted to use list_files. Nobody could be asked, so it was not permitted. "
        "To answer such questions in code: Whisperer(permit=…).\n"
    ) in cell.printed
    assert "Nobody is there to ask." in await kernel.value(LAST)


async def test_question_after_the_cells_end(kernel: Kernel) -> None:
    """Code that goes on after its cell has nobody in front of it."""
    person = Person("o")
    await kernel.run("import asyncio\ntask = asyncio.create_task(asyncio.sleep(0.1))", person=person)
    late = "async def late():\n    await task\n    return await w.ask('Look.')\nasking = asyncio.create_task(late())"
    await kernel.run(late, person=person)
    await kernel.run("await asyncio.wait([asking])")
    assert "Nobody is there to ask." in await kernel.value(LAST)
    assert person.prompts == []


async def test_under_nbclient(tmp_path: Any) -> None:
    """An executed notebook says what was not permitted, and how it could be."""
    environ = {**scripted(tmp_path, [WISH, SAID]), **ASKING}
    book = new_notebook(cells=[new_code_cell(code()), new_code_cell(ASKS[0])])  # type: ignore[no-untyped-call]
    client = NotebookClient(book, timeout=60, kernel_name="python3")
    await client.async_execute(env={**environ, "JUPYTER_DATA_DIR": str(tmp_path), "PYTHONPATH": "."})
    text = nbformat.writes(book)  # type: ignore[no-untyped-call]
    assert "Nobody could be asked" in text
    assert "Whisperer(permit=" in text


PERMITS = {
    "sync": ("def permit(q): return 'allow_once'", True, ""),
    "async": (
        "import asyncio\nasync def permit(q):\n    await asyncio.sleep(0)\n    return 'allow_session'",
        True,
        "",
    ),
    "deny": ("def permit(q): return 'deny'", False, ""),
    "wrong": ("def permit(q): return True", False, "since permit failed: it returned True"),
    "nothing": ("async def permit(q): pass", False, "since permit failed: it returned None"),
    "raises": ("def permit(q): raise KeyError('x')", False, "since permit failed: KeyError: 'x'"),
    "raises later": ("async def permit(q): 1 / 0", False, "since permit failed: ZeroDivisionError: division by zero"),
    "takes nothing": ("def permit(): return 'allow_once'", False, "since permit failed: TypeError: permit() takes 0"),
}


@pytest.mark.parametrize("ask", ASKS)
async def test_permit(start_kernel: StartKernel, ask: str) -> None:
    """A function answers instead of a person; what is no answer is a no, with a warning that says why."""
    kernel = await start_kernel([WISH, SAID] * len(PERMITS), ASKING)
    person = Person("o")
    for name, (permit, allowed, warning) in PERMITS.items():
        await kernel.run(f"{permit}\n{code('permit=permit, new=True')}")
        cell = await kernel.run(ask, person=person)
        assert cell.error == "", name
        assert warning in cell.printed, name
        assert ("Whisperer took it for a no" in cell.printed) is bool(warning), name
        assert await is_allowed(kernel) is allowed, name
    assert person.prompts == []


async def test_what_permit_is_given(start_kernel: StartKernel) -> None:
    """Agent, tool, arguments and preview, typed; on the thread, and an async one on the loop, of the code that asks."""
    kernel = await start_kernel([WISH, SAID], ASKING)
    permit = """
import asyncio, threading
seen = []
async def permit(question):
    seen.append((question, threading.current_thread() is threading.main_thread(), asyncio.get_running_loop()))
    return "deny"
"""
    await kernel.run(permit + code("permit=permit"))
    await kernel.run(ASKS[0])
    show = """
from whisperer_kernel import PermissionQuestion
(question, on_main, loop), = seen
assert isinstance(question, PermissionQuestion) and on_main and loop is asyncio.get_running_loop()
print(json.dumps([question.agent, question.tool, question.arguments, question.preview]))
"""
    agent, tool, arguments, preview = await kernel.value(show)
    assert (agent, tool, arguments, preview) == ("alice", "list_files", {"path": "."}, None)


async def test_permit_that_is_no_function(kernel: Kernel) -> None:
    """It is refused before anything is asked."""
    cell = await kernel.run(code("permit='allow_once'"))
    assert cell.error == "InvalidParams: permit must be a function that answers questions, not 'allow_once'"


async def test_permit_in_a_script(tmp_path: Any) -> None:
    """A script is answered as a cell is; without a terminal and a function it is told what was not permitted."""
    look = "print([m.content for m in w.history_sync() if m.role == 'tool'])"
    script = "from whisperer_kernel import Whisperer\nw = Whisperer({permit})\nw.ask_sync('Light')\n" + look
    environ = {**scripted(tmp_path, [WISH, SAID]), **ASKING}
    out, err = await run_script(tmp_path, script.format(permit="permit=lambda question: 'allow_once'"), environ)
    assert "replies.yaml" in out
    out, err = await run_script(tmp_path, script.format(permit=""), environ)
    assert "Nobody is there to ask." in out
    assert "Alice wanted to use list_files. Nobody could be asked" in err


async def attached(serve: Serve, notebook: OpenNotebook, environ: dict[str, str] | None = None) -> Any:
    """A kernel whose session a server runs, in which Alice wishes twice for what needs a yes."""
    server = serve([WISH, SAID, WISH, SAID], {**ASKING, **(environ or {})})
    kernel = await notebook(server)
    await kernel.run(code())
    return server, kernel


@pytest.mark.parametrize("ask", ASKS[:2])
async def test_attached(serve: Serve, notebook: OpenNotebook, ask: str) -> None:
    """With no chat open the person in front of the cell is asked, of a server's session as well."""
    _, kernel = await attached(serve, notebook)
    person = Person("o")
    cell = await kernel.run(ask, person=person)
    assert cell.error == ""
    assert person.prompts == [PROMPT]
    assert await is_allowed(kernel)
    cell = await kernel.run(ask, attended=False)
    assert "Nobody could be asked" in cell.printed


@pytest.mark.parametrize(
    ("ask", "decision", "words"),
    [(ASKS[0], "allow_once", "It is allowed"), (ASKS[1], "deny", "It is not allowed")],
)
async def test_answered_in_the_chat(  # noqa: PLR0913, PLR0917 - what a test needs
    serve: Serve, notebook: OpenNotebook, connect: Connect, ask: str, decision: str, words: str
) -> None:
    """A chat shows the question too: its answer counts, and the prompt in the cell ends."""
    server, kernel = await attached(serve, notebook)
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    person = Person()
    running: asyncio.Task[Cell] = asyncio.create_task(kernel.run(ask, person=person))
    request = await page.expect("tool.permission_requested")
    await asyncio.wait_for(person.asked.wait(), 30)
    await page.request("tool.permit", sessionId=page.session_id, requestId=request["requestId"], decision=decision)
    cell = await running
    assert cell.error == ""
    assert f"{words}: somebody answered elsewhere." in cell.printed
    assert await is_allowed(kernel) is (decision == "allow_once")
    # The line that nobody typed is not waited for by the next who asks for one.
    assert (await kernel.run("print(input('Name: '))", person=Person("Ann"))).printed == "Ann\n"


async def test_answered_in_the_cell(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """The person in front of the cell was first: the chat learns that it is settled."""
    server, kernel = await attached(serve, notebook)
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    await kernel.run(ASKS[0], person=Person("o"))
    resolved = await page.expect("tool.permission_resolved")
    assert (resolved["decision"], resolved["by"]) == ("allow_once", "user")


async def test_connection_breaks_at_the_question(serve: Serve, notebook: OpenNotebook) -> None:
    """The question stays, and its answer counts when the connection is back."""
    server = serve([WISH, SAID], ASKING)
    async with Proxy(server) as proxy:
        kernel = await notebook(server)
        await kernel.run(code())
        person = Person()
        running: asyncio.Task[Cell] = asyncio.create_task(kernel.run(ASKS[0], person=person))
        await asyncio.wait_for(person.asked.wait(), 30)
        proxy.interrupt()
        kernel.type("o")
        assert (await running).error == ""
        assert await is_allowed(kernel)
    assert person.prompts == [PROMPT]


async def test_nobody_answers(serve: Serve, notebook: OpenNotebook) -> None:
    """A question that nobody answers in time is a no, and the prompt ends."""
    _, kernel = await attached(serve, notebook, {"WHISPERER_LIMITS__PERMISSION_TIMEOUT_S": "1"})
    cell = await kernel.run(ASKS[0], person=Person())
    assert cell.error == ""
    assert "It is not allowed: no answer came in time." in cell.printed


async def test_chat_asks_nothing_of_a_cell(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """What a turn of the chat needs is the chat's to answer, though the kernel is connected."""
    server, kernel = await attached(serve, notebook)
    page = await connect(server)
    await page.start(kernelId=kernel.id)
    person = Person("o")
    asking = asyncio.create_task(kernel.run("import time; time.sleep(2)", person=person))
    message_id = await page.send("Look.")
    request = await page.expect("tool.permission_requested", messageId=message_id)
    await page.request("tool.permit", sessionId=page.session_id, requestId=request["requestId"], decision="deny")
    await page.answer(message_id)
    await asking
    assert person.prompts == []


MAGICS = "%load_ext whisperer_kernel"


@pytest.mark.parametrize("cell_id", ["a", ""])
async def test_question_of_a_magic(serve: Serve, notebook: OpenNotebook, cell_id: str) -> None:
    """What asks by a magic is asked below its cell, in a notebook as in a console, and the answer goes on there."""
    server = serve([WISH, SAID], ASKING)
    kernel = await notebook(server)
    await kernel.run(f"{MAGICS}\n{code()}")
    person = Person("o")
    cell = await kernel.run("%%alice\nLook.", cell_id=cell_id, person=person)
    assert cell.error == ""
    assert "Alice asks to use list_files:" in cell.printed
    assert person.prompts == [PROMPT]
    assert "Done." in (cell.text if cell_id else cell.printed)
    assert await is_allowed(kernel)


async def test_magic_where_nobody_can_be_asked(serve: Serve, notebook: OpenNotebook) -> None:
    """It is refused at once and said, and the answer comes all the same."""
    server = serve([WISH, SAID], ASKING)
    kernel = await notebook(server)
    await kernel.run(f"{MAGICS}\n{code()}")
    cell = await kernel.run("%%alice\nLook.", attended=False)
    assert cell.error == ""
    assert "Alice wanted to use list_files. Nobody could be asked, so it was not permitted." in cell.printed
    assert not await is_allowed(kernel)
