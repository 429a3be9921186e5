"""Patricia's plans as a person sees them: cells in the notebook, a card in the chat, and both go on with the plan."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.asking import (
    OTHER,
    calling,
    expect_end,
    expect_sources,
    in_front,
    in_mode,
    photograph,
    ready,
)
from tests.browser.conftest import NewPage
from tests.browser.lab import SHOW_CHAT, Chat, Lab, Notebook
from tests.fakes.provider import FakeProvider, Reply

PLAN: dict[str, Any] = {
    "title": "Clean the sales of a year",
    "goal": "Every row has an amount.",
    "steps": [
        {
            "title": "Load the file",
            "why": "All else needs it.",
            "what": "Read `sales.csv` into `sales`.",
            "check": "len(sales) > 0",
            "code": "import pandas as pd\n\nsales = pd.read_csv('sales.csv')",
        },
        {
            "title": "Drop empty rows",
            "what": "Remove rows without an amount.",
            "check": "sales.amount.notna().all()",
            "depends_on": ["Load the file"],
        },
    ],
}
CHECKLIST = (
    "# Clean the sales of a year\n\n**Goal:** Every row has an amount.\n\n"
    "- [ ] **1. Load the file** — check: `len(sales) > 0`\n"
    "- [ ] **2. Drop empty rows** — check: `sales.amount.notna().all()`"
)
LOADED = CHECKLIST.replace("- [ ] **1.", "- [x] **1.")
UPDATE = """
from whisperer_kernel import Whisperer

async def _update(client):
    (plan,) = (await client.session.call("plan.list"))["plans"]
    await client.session.call("plan.update", {{"planId": plan["planId"], "stepId": "{step}", "status": "{status}"}})

_ = Whisperer().wait(_update)
"""


def plan_cell(notebook: Notebook) -> str:
    """The source of the plan's cell."""
    (source,) = (
        source
        for source, cell in zip(notebook.sources, notebook.cells, strict=True)
        if cell["metadata"].get("whisperer", {}).get("kind") == "plan"
    )
    return source


def expect_plan_cell(notebook: Notebook, source: str) -> None:
    """Wait until the plan's cell has this source."""
    notebook.page.wait_for_function(
        """source => Array.from(jupyterapp.shell.currentWidget.content.model.cells).some(
            cell => cell.metadata.whisperer?.kind === 'plan' && cell.sharedModel.source === source)""",
        arg=source,
    )


def card_of(chat: Chat) -> Locator:
    """The plan's card."""
    return chat.region.get_by_role("article", name="Plan", exact=True)


def box(chat: Chat, step: str) -> Locator:
    """The box of a step on the plan's card."""
    return card_of(chat).get_by_role("checkbox", name=step)


@pytest.fixture
def planned(notebook: Notebook, provider: FakeProvider) -> Chat:
    """A chat in which Patricia has put a plan into the notebook."""
    chat = ready(notebook)
    in_mode(chat, "edit")
    calling(provider, "make_plan", PLAN)
    chat.ask("@patricia Plan the cleaning of sales.csv")
    expect_end(chat, agent="Patricia")
    return chat


def test_plan_goes_into_its_notebook_and_one_undo_takes_it_back(
    lab: Lab, notebook: Notebook, provider: FakeProvider
) -> None:
    """With another notebook's tab in front the plan's cells go below the chat that asked; they know whose they are."""
    chat = ready(notebook)
    in_mode(chat, "edit")
    notebook.add("after = 'the chat'")
    before = notebook.sources
    gate = provider.gate()
    provider.script(Reply([gate, *Reply.tools(("call-1", "make_plan", PLAN)).steps]), Reply.answer("All done."))
    chat.ask("@patricia Plan the cleaning of sales.csv")
    heading = (
        "## 1. Load the file\n\nAll else needs it.\n\nRead `sales.csv` into `sales`.\n\n**Check:** `len(sales) > 0`"
    )
    last = (
        "## 2. Drop empty rows\n\nRemove rows without an amount.\n\n"
        "**Check:** `sales.amount.notna().all()`\n\nAfter step 1."
    )
    with in_front(lab, notebook) as other:
        gate.open()
        expect_sources(notebook, [before[0], CHECKLIST, heading, PLAN["steps"][0]["code"], last, *before[1:]])
        expect_sources(notebook, [OTHER], other)
    expect_end(notebook.chat(), agent="Patricia")
    marks = [cell["metadata"]["whisperer"] for cell in notebook.cells[1:5]]
    assert [(mark["kind"], mark.get("stepId")) for mark in marks] == [
        ("plan", None),
        ("step", "s1"),
        ("code", "s1"),
        ("step", "s2"),
    ]
    assert len({mark["planId"] for mark in marks}) == 1
    assert {mark["agent"] for mark in marks} == {"patricia"}
    notebook.undo()
    assert notebook.sources == before


@pytest.mark.parametrize(("answer", "offered"), [("Deny", 0), ("Allow once", 1)])
def test_cells_are_shown_once_they_are_there(
    notebook: Notebook, provider: FakeProvider, answer: str, offered: int
) -> None:
    """The card leads to the plan's cells after a yes, not before it; after a no, which is no fault, nowhere."""
    chat = ready(notebook)
    calling(provider, "make_plan", PLAN)
    chat.ask("@patricia Plan the cleaning of sales.csv")
    expect(chat.permission).to_be_visible()
    expect(card_of(chat)).to_contain_text("0 of 2 done")
    show = card_of(chat).get_by_role("button", name="Show in notebook")
    expect(show).to_have_count(0)
    chat.permission.get_by_role("button", name=answer, exact=True).click()
    expect_end(chat, agent="Patricia")
    expect(show).to_have_count(offered)
    expect(chat.region.locator(".whisperer-tool summary", has_text="Failed")).to_have_count(0)
    expect(chat.region.locator(".whisperer-tool-problem").filter(visible=True)).to_have_count(0)


def test_step_is_ticked_off_in_card_and_cell(planned: Chat, notebook: Notebook) -> None:
    """A click on a step's box ticks it here and there, as one step to undo in the cell; the insertion is still one."""
    expect(card_of(planned)).to_contain_text("0 of 2 done")
    box(planned, "Load the file").click()
    expect(box(planned, "Load the file")).to_be_checked()
    expect(box(planned, "Load the file")).to_be_focused()
    expect(card_of(planned)).to_contain_text("1 of 2 done")
    expect_plan_cell(notebook, LOADED)
    planned.region.get_by_role("button", name="Show in notebook").click()
    notebook.page.wait_for_function("() => jupyterapp.shell.currentWidget.content.activeCellIndex === 1")
    photograph(notebook, "plan", ("light", "dark"))
    notebook.do("panel.content.activeCell.editor.undo()")
    assert plan_cell(notebook) == CHECKLIST
    box(planned, "Load the file").click()
    expect(box(planned, "Load the file")).not_to_be_checked()
    notebook.undo()
    assert notebook.sources == [SHOW_CHAT]
    planned.region.get_by_role("button", name="Show in notebook").click()
    expect(card_of(planned)).to_contain_text("Not in this notebook")


def test_what_others_say_of_a_step_is_shown(planned: Chat, notebook: Notebook) -> None:
    """A step that Python code says has failed is so on the card and in the cell."""
    notebook.run_code(UPDATE.format(step="s2", status="failed"))
    expect_plan_cell(notebook, CHECKLIST.replace("rows** —", "rows** (failed) —"))
    expect(card_of(planned).get_by_role("listitem").last).to_have_text("Drop empty rowsfailed")


def test_cell_that_the_person_has_changed_stays(planned: Chat, notebook: Notebook) -> None:
    """Nothing is written into a plan's cell that somebody has edited, and the card says so."""
    mine = CHECKLIST + "\n\nNot before Monday."
    notebook.do("panel.content.model.cells.get(1).sharedModel.setSource(value)", mine)
    box(planned, "Load the file").click()
    expect(box(planned, "Load the file")).to_be_checked()
    expect(card_of(planned)).to_contain_text("You have changed the plan's cell")
    assert plan_cell(notebook) == mine
    notebook.do("panel.content.model.cells.get(1).sharedModel.setSource(value)", CHECKLIST)
    box(planned, "Drop empty rows").click()
    expect_plan_cell(notebook, LOADED.replace("[ ]", "[x]"))
    expect(card_of(planned)).not_to_contain_text("You have changed")


@pytest.mark.usefixtures("planned")
def test_cell_of_an_older_file_catches_up(notebook: Notebook, lab: Lab, new_page: NewPage) -> None:
    """A notebook that was saved before a step was ticked shows it as soon as its chat is there again."""
    expect_plan_cell(notebook, CHECKLIST)
    notebook.save()
    second = lab.open(new_page(), notebook.path)
    other = second.chat(0).ready()
    notebook.page.close()
    box(other, "Load the file").click()
    expect_plan_cell(second, LOADED)
    second.reload()
    expect_plan_cell(second, LOADED)
    assert "".join(lab.read(notebook.path)["cells"][1]["source"]) == CHECKLIST


def test_plan_without_a_chat_is_ticked_too(notebook: Notebook, provider: FakeProvider) -> None:
    """What Python has asked for stands below its cell, and goes on with the plan where no chat shows it."""
    notebook.run_code("from whisperer_kernel import Whisperer\n\nwhisperer = Whisperer()")
    notebook.run_code("_ = whisperer.wait(lambda client: client.session.call('session.set_mode', {'mode': 'edit'}))")
    calling(provider, "make_plan", PLAN)
    notebook.run_code("made = whisperer.plan_sync('the cleaning of sales.csv')")
    expect_plan_cell(notebook, CHECKLIST)
    notebook.run_code(UPDATE.format(step="s1", status="done"))
    expect_plan_cell(notebook, LOADED)


def test_two_tabs_insert_a_plan_once(notebook: Notebook, provider: FakeProvider, lab: Lab, new_page: NewPage) -> None:
    """The notebook is open in two tabs: the plan goes into the one in which it was asked for; both show its card."""
    first = ready(notebook)
    in_mode(first, "edit")
    second = lab.open(new_page(), notebook.path)
    other = ready(second)
    calling(provider, "make_plan", PLAN)
    first.ask("@patricia Plan the cleaning of sales.csv")
    for chat in (first, other):
        expect_end(chat, agent="Patricia")
        expect(card_of(chat)).to_have_count(1)
    assert plan_cell(notebook) == CHECKLIST
    assert second.sources == [SHOW_CHAT]
