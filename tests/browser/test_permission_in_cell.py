"""What code in a cell needs a yes for is asked below that cell, with no chat open; what it has run waits for it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.asking import PLAN, PLAN_SOURCES, expect_sources, inserting, ready, tool_results
from tests.browser.lab import SHOW_CHAT, Lab, Notebook
from tests.fakes.provider import FakeProvider, Reply

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
    output = page.locator('.jp-Cell[data-windowed-list-index="1"] .jp-OutputArea').first
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


YES = SET_UP.replace("Whisperer()", "Whisperer(permit=lambda question: 'allow_once')")


@pytest.mark.parametrize("ask", ASKS[:2])
def test_what_is_to_be_run_is_queued(lab: Lab, page: Page, provider: FakeProvider, ask: str) -> None:
    """Cells are run when the cell that asks has ended, which nobody waits for; it is itself never among them."""
    notebook = lab.new(page, YES, ask, "print('ran')")
    notebook.run(0)
    asking, ran = (cell["id"] for cell in notebook.cells[1:])
    provider.script(
        Reply.tools(("call-1", "run_cells", {"cell_ids": [ran]})),
        Reply.tools(("call-2", "run_cells", {"cell_ids": [asking]})),
        Reply.tools(("call-3", "insert_cells", {"cells": PLAN, "run": True})),
        Reply.answer("All done."),
    )
    notebook.run(1)
    queued, refused, inserted = tool_results(provider)
    assert json.loads(queued)["queued"] == [ran]
    assert refused == "This is the cell that asks: it would ask for itself again."
    assert "as soon as the cell that asks has ended" in json.loads(inserted)["note"]
    page.wait_for_function(
        "() => [4, 5].every(at => jupyterapp.shell.currentWidget.content.model.cells.get(at).outputs.length > 0)"
    )
    assert (notebook.output(4), notebook.output(5)) == ("42", "ran")
