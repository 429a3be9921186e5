"""What code in a cell needs a yes for is asked below that cell, with no chat open."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.asking import PLAN_SOURCES, expect_sources, inserting, ready, tool_results
from tests.browser.lab import SHOW_CHAT, Lab, Notebook
from tests.fakes.provider import FakeProvider

SET_UP = "%load_ext whisperer_kernel\nfrom whisperer_kernel import Whisperer\nw = Whisperer()"
ASKS = ("r = await w.ask('Plan it.')", "r = w.ask_sync('Plan it.')", "%%alice\nPlan it.")


def box_below(page: Page, index: int) -> Locator:
    """Where the person answers what this cell asks."""
    return page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-Stdin-input')


def asked(lab: Lab, page: Page, provider: FakeProvider, ask: str, *before: str) -> tuple[Notebook, Locator]:
    """A notebook whose last cell has asked for the plan's cells, and where that is answered."""
    notebook = lab.new(page, *before, SET_UP, ask)
    at = len(before) + 1
    notebook.run(at - 1)
    if before:
        ready(notebook)
    inserting(provider)
    notebook.start(at)
    box = box_below(page, at)
    expect(box).to_be_visible()
    return notebook, box


@pytest.mark.parametrize("ask", ASKS)
def test_yes(lab: Lab, page: Page, provider: FakeProvider, ask: str) -> None:
    """The question says what will happen; the cells come below the cell that asks when it was answered."""
    notebook, box = asked(lab, page, provider, ask)
    output = page.locator(".jp-OutputArea").filter(has=box)
    expect(output).to_contain_text("Alice asks to use insert_cells:")
    expect(output).to_contain_text("answer = 6 * 7")
    assert notebook.sources == [SET_UP, ask]
    box.fill("o")
    box.press("Enter")
    expect_sources(notebook, [SET_UP, ask, *PLAN_SOURCES])


def test_no(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """After a no nothing is put in, and the answer goes on."""
    notebook, box = asked(lab, page, provider, ASKS[0])
    box.fill("n")
    box.press("Enter")
    expect(page.locator(".jp-OutputArea").nth(1)).to_contain_text("n")
    provider.wait_for_chats(2, timeout=60)
    assert "did not permit" in tool_results(provider)[0]
    assert notebook.sources == [SET_UP, ASKS[0]]


def test_answered_in_the_chat(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """A chat in the same notebook shows the question too; its answer ends the wait in the cell."""
    notebook, _ = asked(lab, page, provider, ASKS[0], SHOW_CHAT)
    chat = notebook.chat(0)
    expect(chat.permission).to_contain_text("Alice wants to insert 3 cells")
    chat.permission.get_by_role("button", name="Allow once", exact=True).click()
    page.wait_for_function("count => jupyterapp.shell.currentWidget.content.model.cells.length === count", arg=6)
    notebook.wait_until_ready()
    assert "somebody answered elsewhere" in notebook.output(2)
