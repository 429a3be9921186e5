"""Cells that agents make where no page owns the notebook: below the cell that asks, in its output, or given back."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider
from tests.notebook.conftest import Connect, OpenNotebook, Serve, StartKernel, asking, scripted
from tests.notebook.kernel import Cell, Kernel, Person
from tests.notebook.script import run_script
from tests.notebook.test_kernel_tools import SAID, SLUGIFY, call
from tests.notebook.test_terminal import Terminal
from tests.server.hands import Cells

MARKDOWN = {"type": "markdown", "source": "# A plan\n\n<script>alert(1)</script> in *two* steps"}
FIRST = {"type": "code", "source": "total = 1\ntotal"}
SECOND = {"type": "code", "source": "total + 1"}
BELOW = "The code cell stands below the cell that asked as soon as that has ended."
IN_OUTPUT = "Nobody here can put them into the notebook; they are shown in the output of the cell that asked."
SET_UP = "import json\nfrom whisperer_kernel import Whisperer\nw = Whisperer({})\n"
# Without a question for a yes.
YES = SET_UP.format("permit=lambda question: 'allow_session'")
ASKS = ("r = await w.ask('Make it.')", "r = w.ask_sync('Make it.')", "r = [c async for c in w.stream('Make it.')]")
RESULTS = "print(json.dumps([m.content for m in w.history_sync() if m.role == 'tool']))"


def inserting(*cells: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """A reply that puts cells in."""
    return call("insert_cells", cells=list(cells), **more)


def below(cell: Cell) -> list[str]:
    """What is to stand in a new cell below."""
    return [] if cell.next_input is None else [cell.next_input]


async def results(kernel: Kernel) -> list[str]:
    """What the model was told, call by call."""
    told: list[str] = await kernel.value(RESULTS)
    return told


@pytest.mark.parametrize("ask", ASKS)
async def test_code_cell_stands_below(start_kernel: StartKernel, ipykernel: dict[str, str], ask: str) -> None:
    """One code cell is offered below the cell that asks, once somebody has said yes, and nothing else is shown."""
    kernel = await start_kernel([inserting(FIRST), SAID], ipykernel)
    await kernel.run(SET_UP.format(""))
    person = Person("o")
    cell = await kernel.run(ask, person=person)
    assert cell.error == ""
    assert "Alice asks to use insert_cells:\n\n    Insert 1 cell below the chat or the cell that asks:" in cell.printed
    assert below(cell) == [FIRST["source"]]
    assert cell.showings == []
    assert await results(kernel) == [f'{{"inserted":[],"said":"{BELOW}"}}']


async def test_without_a_yes_nothing_stands_below(start_kernel: StartKernel) -> None:
    """After a no there is no cell, and none is shown."""
    kernel = await start_kernel([inserting(FIRST, MARKDOWN), SAID])
    await kernel.run(SET_UP.format(""))
    cell = await kernel.run(ASKS[0], person=Person("n"))
    assert (below(cell), cell.showings) == ([], [])
    assert "did not permit" in (await results(kernel))[0]


async def test_what_cannot_stand_below_is_shown(start_kernel: StartKernel, ipykernel: dict[str, str]) -> None:
    """Markdown and further code are shown in the output, as text that runs nothing; the model is told where all is."""
    kernel = await start_kernel([inserting(MARKDOWN, FIRST, SECOND), SAID], ipykernel)
    await kernel.run(YES)
    cell = await kernel.run(ASKS[0])
    assert below(cell) == [FIRST["source"]]
    (shown,) = cell.showings
    assert shown["text/markdown"].startswith("**Alice made 2 cells that are not in the notebook:**")
    assert "&lt;script>" in shown["text/markdown"]
    assert "<pre><code>total + 1\n</code></pre>" in shown["text/markdown"]
    assert "```python\ntotal + 1\n```" in shown["text/plain"]
    (told,) = await results(kernel)
    assert f"{BELOW} There can be one alone: the other 2 are shown in the output." in told


async def test_nothing_takes_another_cells_place(start_kernel: StartKernel) -> None:
    """A second cell in one cell's run is shown, as it would overwrite the first; after the next cell there is room."""
    kernel = await start_kernel([inserting(FIRST), inserting(SECOND), SAID, inserting(SECOND), SAID])
    await kernel.run(YES)
    cell = await kernel.run(ASKS[0])
    assert below(cell) == [FIRST["source"]]
    assert "total + 1" in cell.showings[0]["text/markdown"]
    assert IN_OUTPUT in (await results(kernel))[1]
    cell = await kernel.run(ASKS[1])
    assert (below(cell), cell.showings) == ([SECOND["source"]], [])


async def test_where_nobody_sits_in_front(start_kernel: StartKernel) -> None:
    """What executes notebooks takes no cell below, so all are shown, once, however often the model tries."""
    kernel = await start_kernel([inserting(MARKDOWN, FIRST), inserting(MARKDOWN, FIRST), SAID])
    await kernel.run(YES)
    cell = await kernel.run(ASKS[0], attended=False)
    assert below(cell) == []
    (shown,) = cell.showings
    assert "Alice made 2 cells" in shown["text/markdown"]
    assert await results(kernel) == [IN_OUTPUT] * 2


async def test_what_cannot_be_done_is_said(start_kernel: StartKernel) -> None:
    """There are no ids to put a cell behind, and nobody here runs one."""
    kernel = await start_kernel([inserting(FIRST, after="abc"), inserting(FIRST, run=True), SAID])
    await kernel.run(YES)
    cell = await kernel.run(ASKS[0])
    assert below(cell) == [FIRST["source"]]
    refused, ran = await results(kernel)
    assert refused == "Which cells there are is not known here: call again without naming one."
    assert "Nobody here can run it but the person." in ran


async def test_tests_and_plans(start_kernel: StartKernel) -> None:
    """Tessa's tests stand below; of a plan the first code, and the plan itself in the output; the words say so."""
    tests = call("make_tests", target="slugify", tests="def test_a():\n    assert slugify('A b') == 'a-b'\n")
    step = {"title": "Load", "what": "Read it.", "check": "len(rows) > 0", "code": "rows = [1]"}
    plan = call("make_plan", title="Clean", goal="Rows are clean.", steps=[step, {**step, "title": "Drop"}])
    kernel = await start_kernel([tests, SAID, plan, SAID])
    await kernel.run(SLUGIFY + YES)
    cell = await kernel.run("r = await w.ask('Test it.', agent='tessa')")
    assert below(cell)[0].startswith("%%tests")
    cell = await kernel.run("r = await w.plan('Clean it.')")
    assert below(cell) == ["rows = [1]"]
    assert "Alice" not in cell.showings[0]["text/markdown"]
    assert "**Patricia made 4 cells that are not in the notebook:**" in cell.showings[0]["text/markdown"]
    made_tests, made_plan = await results(kernel)
    assert BELOW in made_tests
    assert made_plan == f"The plan has 2 steps. {BELOW} There can be one alone: the other 4 are shown in the output."


async def test_after_the_cells_end(start_kernel: StartKernel) -> None:
    """Code that goes on after its cell gets the cells with its reply."""
    kernel = await start_kernel([inserting(MARKDOWN, FIRST), SAID])
    await kernel.run(YES + "import asyncio")
    await kernel.run("asking = asyncio.create_task(w.ask('Make it.'))")
    cell = await kernel.run("_ = await asyncio.wait([asking])")
    assert (below(cell), cell.showings) == ([], [])
    show = "r = asking.result(); print(json.dumps([[c.type for c in r.cells], str(r)]))"
    kinds, text = await kernel.value(show)
    assert kinds == ["markdown", "code"]
    assert "```python\ntotal = 1\ntotal\n```" in text


async def test_script_gets_cells_with_the_reply(tmp_path: Any) -> None:
    """Where there is no notebook at all the reply holds the cells, each once, in its words as well."""
    environ = scripted(tmp_path, [inserting(MARKDOWN, FIRST), inserting(FIRST), SAID])
    code = (
        YES + "r = w.ask_sync('Make it.')\nprint(json.dumps([r.text, str(r), [(c.type, c.source) for c in r.cells]]))\n"
    )
    out, _ = await run_script(tmp_path, code + RESULTS, environ)
    shown, told = out.splitlines()
    text, words, cells = json.loads(shown)
    assert text == "Done."
    assert words.startswith("Done.\n\nAlice made 2 cells that are not in the notebook:\n\n# A plan")
    assert cells == [["markdown", MARKDOWN["source"]], ["code", FIRST["source"]]]
    assert told.count("they are given back with the reply") == 2


async def test_at_a_server_without_a_page(serve: Serve, notebook: OpenNotebook) -> None:
    """A server knows no page of this notebook: the kernel stands in for its own messages."""
    kernel = await notebook(serve([inserting(FIRST), SAID]))
    await kernel.run(YES)
    cell = await kernel.run(ASKS[0])
    assert below(cell) == [FIRST["source"]]


async def test_at_a_server_with_a_page(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Where a page owns the cells it puts them in, and the kernel does not; for the page's messages it never does."""
    server = serve([inserting(FIRST), SAID, inserting(SECOND), SAID])
    kernel = await notebook(server)
    await kernel.run(YES)
    page = await connect(server)
    await page.start(kernelId=kernel.id, clientTools=["insert_cells"], mode="edit")
    cells = Cells(page)
    cell = await kernel.run(ASKS[0])
    assert (below(cell), cells.inserted) == ([], [[FIRST]])
    cells.stop()
    await page.close()
    other = await connect(server)
    await other.start(kernelId=kernel.id)
    await other.request("session.set_mode", sessionId=other.session_id, mode="edit")
    message_id = await other.send("Make it.")
    await other.answer(message_id)
    (event,) = other.seen("ToolCallNotification", messageId=message_id)
    assert event["error"] == "Nobody is connected who could carry out insert_cells."


async def test_only_what_can_be_done_is_offered(start_kernel: StartKernel) -> None:
    """Of the cell tools insert_cells alone is offered: the others need somebody who owns the cells."""
    with FakeProvider() as provider:
        kernel = await start_kernel(environ=asking(provider))
        await kernel.run(YES)
        await kernel.run(ASKS[0])
        (request,) = provider.chats()
    offered = {tool["function"]["name"] for tool in request.json["tools"]}
    assert {"insert_cells", "list_variables"} <= offered
    assert not {"notebook_outline", "read_cells", "replace_cell", "run_cells"} & offered


async def test_line_stands_at_the_next_prompt(tmp_path: Any) -> None:
    """In IPython's terminal the code stands at the next prompt, to be run or changed."""
    program = (sys.executable, "-m", "IPython", "--no-banner", "-i", "-c", f"{YES}{ASKS[1]}")
    environ = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    terminal = await Terminal.start(tmp_path, *program, replies=[inserting(FIRST), SAID], environ=environ)
    await terminal.until("In [")
    before = await terminal.until("total")
    # At that prompt, and not printed above it.
    assert before.count("]: ") == 1
    await terminal.close()
