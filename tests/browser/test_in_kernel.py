"""JupyterLab with a server that does not run Whisperer: the sessions are in the kernel, the plugin owns the cells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Evidence, NewPage
from tests.browser.lab import Lab, settings
from tests.browser.test_cells import OTHER, PLAN, PLAN_SOURCES, inserting, sources_of, tool_results
from tests.fakes.provider import FakeProvider, Reply
from tests.notebook.ipykernels import older_ipykernel

WITHOUT_EXTENSION = '--ServerApp.jpserver_extensions={"jupyter_ext": False}'
SET_UP = "from whisperer_kernel import Whisperer\n\nw = Whisperer({})"
YES = SET_UP.format("permit=lambda question: 'allow_once'")
ASK = "r = await w.ask('Plan it.')"
ASKS = (ASK, "r = w.ask_sync('Plan it.')")
LATE = """
import asyncio, pathlib

async def late():
    while not pathlib.Path({}).exists():
        await asyncio.sleep(0.1)
    return await w.ask("And now?")
"""


def names_of(request: Any) -> set[str]:
    """The tools that a request to the provider offers."""
    return {tool["function"]["name"] for tool in request["tools"]}


@pytest.fixture(scope="module", params=["installed", "6.31"])
def bare_lab(
    request: pytest.FixtureRequest, shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """A JupyterLab whose server lacks the extension; the plugin is there. Its kernels are of this ipykernel."""
    environ = dict(settings(shared_provider.url))
    if request.param != "installed":
        environ |= older_ipykernel(tmp_path_factory.mktemp("ipykernel"))
    with Lab(tmp_path_factory.mktemp("bare-lab"), environ=environ, arguments=[WITHOUT_EXTENSION]) as running:
        yield running


@pytest.fixture
def lab(bare_lab: Lab, provider: FakeProvider, evidence: Evidence) -> Iterator[Lab]:  # noqa: ARG001 - a clean provider
    """That JupyterLab; its kernels end with the test."""
    evidence.labs.append(bare_lab)
    yield bare_lab
    bare_lab.shut_notebooks()


@pytest.mark.parametrize("ask", ASKS)
def test_cells_go_below_the_cell_that_asks(lab: Lab, page: Page, provider: FakeProvider, ask: str) -> None:
    """Typed cells with their mark, below the cell whose code waits for the answer; one undo takes them back."""
    notebook = lab.new(page, YES, ask, "'last'")
    notebook.run(0)
    inserting(provider)
    assert "no Whisperer server" in notebook.run(1)
    assert notebook.sources == [YES, ask, *PLAN_SOURCES, "'last'"]
    made = notebook.cells[2:5]
    assert [cell["type"] for cell in made] == ["markdown", "markdown", "code"]
    assert [cell["metadata"]["whisperer"]["kind"] for cell in made] == ["plan", "step", "step"]
    assert all(cell["metadata"]["tags"] == ["whisperer"] for cell in made)
    assert len({cell["metadata"]["whisperer"]["requestId"] for cell in made}) == 1
    assert json.loads(tool_results(provider)[0])["inserted"] == [cell["id"] for cell in made]
    notebook.undo()
    assert notebook.sources == [YES, ask, "'last'"]


@pytest.mark.parametrize("ask", ASKS)
def test_every_cell_tool(lab: Lab, page: Page, provider: FakeProvider, ask: str) -> None:
    """Outline, read, replace; what is to be run is run when the cell that asks has ended, and nobody waits for it."""
    notebook = lab.new(page, YES, ask, "print('old')", "print('ran')")
    notebook.run(0)
    notebook.run(2)
    old, ran = (cell["id"] for cell in notebook.cells[2:])
    provider.script(
        Reply.tools(("call-1", "notebook_outline", {})),
        Reply.tools(("call-2", "read_cells", {"cell_ids": [old]}), ("call-3", "read_cells", {"cell_ids": ["gone"]})),
        Reply.tools(("call-4", "replace_cell", {"cell_id": old, "source": "print('new')"})),
        Reply.tools(("call-5", "run_cells", {"cell_ids": [ran]})),
        Reply.tools(("call-6", "insert_cells", {"cells": PLAN, "run": True})),
        Reply.answer("All done."),
    )
    notebook.run(1)
    outline, content, stale, replaced, queued, inserted = map(str, tool_results(provider))
    assert old in outline
    assert "old" in content
    assert stale == "There is no cell with the id gone; call notebook_outline for the ids of now."
    assert json.loads(replaced) == {"replaced": old}
    assert json.loads(queued)["queued"] == [ran]
    assert "still running" in json.loads(inserted)["said"]
    assert notebook.sources == [YES, ask, *PLAN_SOURCES, "print('new')", "print('ran')"]
    page.wait_for_function(
        "() => [4, 6].every(at => jupyterapp.shell.currentWidget.content.model.cells.get(at).outputs.length > 0)"
    )
    assert (notebook.output(4), notebook.output(6)) == ("42", "ran")


def test_right_notebook(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """With another notebook's tab in front, cells go into the notebook whose kernel asks."""
    notebook = lab.new(page, YES, ASK)
    notebook.run(0)
    gate = provider.gate()
    calls = Reply.tools(("call-1", "insert_cells", {"cells": PLAN}))
    provider.script(Reply([gate, *calls.steps]), Reply.answer("All done."))
    notebook.start(1)
    provider.wait_for_chats(1, timeout=30)
    other = lab.write(OTHER)
    notebook.do("await jupyterapp.commands.execute('docmanager:open', {path: value})", other)
    page.wait_for_function("path => jupyterapp.shell.currentWidget?.context?.path === path", arg=other)
    notebook.wait_until_ready()
    gate.open()
    page.wait_for_function(
        """([path, count]) => [...jupyterapp.shell.widgets('main')]
            .some(({context, content}) => context?.path === path && content.model.cells.length === count)""",
        arg=[notebook.path, 2 + len(PLAN)],
    )
    assert sources_of(page, other) == [OTHER]


def test_two_tabs_insert_once(lab: Lab, page: Page, provider: FakeProvider, new_page: NewPage) -> None:
    """The notebook is open in two tabs: the one whose cell asks puts the cells in, whichever came first."""
    first = lab.new(page, YES, ASK)
    first.run(0)
    second = lab.open(new_page(), first.path)
    for asking, other in ((first, second), (second, first), (first, second)):
        before, untouched = asking.sources, other.sources
        inserting(provider)
        asking.run(1)
        assert asking.sources == [*before[:2], *PLAN_SOURCES, *before[2:]]
        assert other.sources == untouched
        asking.undo()


def test_after_a_reload(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """A page that was reloaded is found again by the kernel, which knows of no reload."""
    notebook = lab.new(page, YES, ASK)
    notebook.run(0)
    inserting(provider)
    notebook.run(1)
    notebook.undo()
    notebook.save()
    notebook.reload()
    inserting(provider)
    notebook.run(1)
    assert notebook.sources == [YES, ASK, *PLAN_SOURCES]


def test_after_a_restart(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """A kernel that was restarted finds the page."""
    notebook = lab.new(page, YES, ASK)
    notebook.run(0)
    inserting(provider)
    notebook.run(1)
    notebook.undo()
    notebook.restart_kernel()
    notebook.run(0)
    inserting(provider)
    notebook.run(1)
    assert notebook.sources == [YES, ASK, *PLAN_SOURCES]


@pytest.mark.parametrize("ask", ASKS)
def test_question_in_the_cell(lab: Lab, page: Page, provider: FakeProvider, ask: str) -> None:
    """The question for a yes stands under the cell that asks, and is answered there."""
    notebook = lab.new(page, SET_UP.format(""), ask)
    notebook.run(0)
    inserting(provider)
    notebook.start(1)
    box = page.locator(".jp-Stdin-input")
    expect(box).to_be_visible()
    output = page.locator(".jp-OutputArea").filter(has=box)
    expect(output).to_contain_text("Alice asks to use insert_cells:")
    expect(output).to_contain_text("answer = 6 * 7")
    assert notebook.sources == [SET_UP.format(""), ask]
    box.fill("o")
    box.press("Enter")
    page.wait_for_function("() => jupyterapp.shell.currentWidget.content.model.cells.length === 5")
    assert notebook.sources == [SET_UP.format(""), ask, *PLAN_SOURCES]


def test_without_the_plugin(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """Where the plugin is switched off the kernel stands in: one code cell below, the rest in the output."""
    switched_off = lab.folder / "config/labconfig/page_config.json"
    switched_off.parent.mkdir(parents=True, exist_ok=True)
    switched_off.write_text('{"disabledExtensions": {"whisperer:cells": true}}')
    try:
        notebook = lab.new(page, YES, ASK, "'last'")
        notebook.run(0)
        inserting(provider)
        assert "Alice made 2 cells that are not in the notebook" in notebook.run(1)
    finally:
        switched_off.unlink()
    assert notebook.sources == [YES, ASK, PLAN_SOURCES[2], "'last'"]
    offered = names_of(provider.chats()[0].json)
    assert "insert_cells" in offered
    assert "read_cells" not in offered


@pytest.mark.parametrize("leave", ["page", "notebook"])
def test_after_the_page_has_gone(lab: Lab, page: Page, provider: FakeProvider, leave: str) -> None:
    """All cell tools are offered while the page is there, insert_cells alone when page or notebook were closed."""
    gate = lab.folder / f"gone-{leave}"
    notebook = lab.new(page, YES + LATE.format(repr(str(gate))), "task = asyncio.ensure_future(late())")
    notebook.run(0)
    inserting(provider)
    notebook.run_code(ASK)
    notebook.run(1)
    if leave == "page":
        page.goto("about:blank")
    else:
        notebook.do("panel.dispose()")
    gate.touch()
    here, _, gone = (names_of(chat.json) for chat in provider.wait_for_chats(3, timeout=60))
    assert {"read_cells", "run_cells", "insert_cells"} <= here
    assert not {"read_cells", "run_cells"} & gone
    assert "insert_cells" in gone
