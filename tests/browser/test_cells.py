"""Cells that agents put into the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import (
    OTHER,
    PLAN,
    PLAN_SOURCES,
    expect_end,
    expect_sources,
    in_front,
    in_mode,
    inserting,
    ready,
    tool_results,
    until,
)
from tests.browser.conftest import NewPage
from tests.browser.lab import SHOW_CHAT, Lab, Notebook
from tests.fakes.provider import FakeProvider, Reply

CODE = "Like this:\n\n```python\ntotal = sum(range(10))\n```\n"


def test_cells_go_into_the_right_notebook_and_one_undo_takes_them_back(
    lab: Lab, notebook: Notebook, provider: FakeProvider
) -> None:
    """With another notebook's tab in front, typed cells go below the chat that was asked; one undo removes them."""
    chat = ready(notebook)
    in_mode(chat, "edit")
    notebook.add("after = 'the chat'")
    before = notebook.sources
    gate = provider.gate()
    calls = Reply.tools(("call-1", "insert_cells", {"cells": PLAN}))
    provider.script(Reply([gate, *calls.steps]), Reply.answer("All done."))
    chat.ask("Plan it.")
    with in_front(lab, notebook) as other:
        gate.open()
        expect_sources(notebook, [before[0], *PLAN_SOURCES, *before[1:]])
        expect_sources(notebook, [OTHER], other)
    expect_end(notebook.chat())
    made = notebook.cells[1:4]
    assert [cell["type"] for cell in made] == ["markdown", "markdown", "code"]
    assert [cell["metadata"]["whisperer"]["kind"] for cell in made] == ["plan", "step", "step"]
    assert all(cell["metadata"]["tags"] == ["whisperer"] for cell in made)
    assert all(cell["metadata"]["whisperer"]["agent"] == "alice" for cell in made)
    assert len({cell["metadata"]["whisperer"]["requestId"] for cell in made}) == 1
    expect(notebook.page.get_by_role("heading", name="Plan")).to_be_visible()
    notebook.undo()
    assert notebook.sources == before


def test_cells_that_come_later_stand_further_down(notebook: Notebook, provider: FakeProvider) -> None:
    """A second insertion goes below the first; its code is run, and the model reads what it printed."""
    chat = ready(notebook)
    in_mode(chat, "auto")
    inserting(provider)
    chat.ask("Plan it.")
    expect_end(chat)
    second = [{"type": "code", "source": "print('second', answer + 1)"}]
    run_first = ("call-1", "insert_cells", {"cells": [{"type": "code", "source": "answer = 42"}, *second], "run": True})
    provider.script(Reply.tools(run_first), Reply.answer("Ran."))
    chat.ask("And now?")
    expect_end(chat, "Ran.")
    assert notebook.sources == [SHOW_CHAT, *PLAN_SOURCES, "answer = 42", second[0]["source"]]
    assert notebook.output(5) == "second 43"
    assert "second 43" in tool_results(provider)[-1]


def test_two_tabs_insert_once(notebook: Notebook, provider: FakeProvider, lab: Lab, new_page: NewPage) -> None:
    """The notebook is open in two tabs: the one in which it was asked for puts the cells in, whichever came first."""
    first = ready(notebook)
    in_mode(first, "edit")
    second = lab.open(new_page(), notebook.path)
    other = ready(second)
    for asking, mine, theirs in ((first, notebook, second), (other, second, notebook)):
        before, untouched = mine.sources, theirs.sources
        inserting(provider)
        asking.ask("Plan it.")
        expect_end(first)
        expect_end(other)
        assert mine.sources == [*before, *PLAN_SOURCES]
        assert theirs.sources == untouched


def test_code_that_runs_is_not_run_again_by_a_page_that_was_reloaded(
    notebook: Notebook, provider: FakeProvider, tmp_path: Path
) -> None:
    """Reloaded while an agent's cell runs: it has run once, and the model is told that its end is not known."""
    ran, go_on = tmp_path / "ran", tmp_path / "go_on"
    notebook.add(
        f"import pathlib, time\nwith open({str(ran)!r}, 'a') as file:\n    file.write('x')\n"
        f"while not pathlib.Path({str(go_on)!r}).exists():\n    time.sleep(0.05)"
    )
    chat = ready(notebook)
    in_mode(chat, "auto")
    notebook.save()
    provider.script(
        Reply.tools(("call-1", "run_cells", {"cell_ids": [notebook.cells[1]["id"]]})), Reply.answer("All done.")
    )
    chat.ask("Run it.")
    until(ran.exists)
    notebook.page.reload()
    until(lambda: tool_results(provider) != [], timeout=60)
    assert "is not known" in tool_results(provider)[0]
    go_on.touch()
    notebook.wait_until_ready()
    expect_end(notebook.chat())
    assert ran.read_text() == "x"


def test_cells_are_read_by_id(notebook: Notebook, provider: FakeProvider) -> None:
    """The outline names the cells; source and outputs are read by id; an id that is not there is an error."""
    notebook.add("print('x' * 9000)\n1 / 0")
    chat = ready(notebook)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.run(1)
    cell = notebook.cells[1]["id"]
    provider.script(
        Reply.tools(("call-1", "notebook_outline", {})),
        Reply.tools(("call-2", "read_cells", {"cell_ids": [cell]}), ("call-3", "read_cells", {"cell_ids": ["gone"]})),
        Reply.answer("All done."),
    )
    chat.ask("What failed?")
    expect_end(chat)
    outline, content, stale = tool_results(provider)
    assert cell in outline
    assert '"failed":true' in outline
    assert "ZeroDivisionError: division by zero" in content
    assert "characters left out" in content
    assert len(content) < 9000
    assert "There is no cell with the id gone" in stale
    assert notebook.sources[2:] == []


def test_code_in_a_reply_goes_into_cells(notebook: Notebook, provider: FakeProvider) -> None:
    """Insert below puts code under the chat, Replace cell into the cell that the person was in; each is one undo."""
    notebook.add("total = None")
    chat = ready(notebook)
    provider.script(Reply.answer(CODE))
    chat.ask("Sum it.")
    expect_end(chat, "Like this")
    replace = chat.region.get_by_role("button", name="Replace cell")
    replace.click()
    expect(replace).to_have_text("Click into a cell first")
    assert notebook.sources == [SHOW_CHAT, "total = None"]
    notebook.do("panel.content.activeCellIndex = 1")
    chat.box.click()
    replace.click()
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.model.cells.get(1).sharedModel.source.includes('sum')"
    )
    assert notebook.sources == [SHOW_CHAT, "total = sum(range(10))"]
    notebook.do("panel.content.widgets[1].editor.undo()")
    assert notebook.sources == [SHOW_CHAT, "total = None"]
    chat.region.get_by_role("button", name="Insert below").click()
    notebook.page.wait_for_function("() => jupyterapp.shell.currentWidget.content.model.cells.length === 3")
    assert notebook.sources == [SHOW_CHAT, "total = sum(range(10))", "total = None"]
    assert notebook.cells[1]["metadata"]["whisperer"]["kind"] == "code"
    notebook.undo()
    assert notebook.sources == [SHOW_CHAT, "total = None"]


def test_message_brings_a_cell_along(notebook: Notebook, provider: FakeProvider) -> None:
    """Add context offers the cell that the person was in; the message shows it, and the model reads its source."""
    notebook.add("secret_word = 'aardvark'")
    chat = ready(notebook)
    notebook.do("panel.content.activeCellIndex = 1")
    chat.region.get_by_role("button", name="Add context").click()
    chat.region.get_by_role("option", name="Active cell: secret_word = 'aardvark'").click()
    chat.box.press_sequentially("Which word?")
    chat.box.press("Enter")
    expect(chat.last("You").get_by_role("list", name="Context")).to_be_visible()
    expect(chat.last()).to_contain_text("Which word?")
    chat.expect_idle()
    assert "secret_word = 'aardvark'" in provider.chats()[-1].json["messages"][-1]["content"]


def test_code_says_which_cell_it_goes_to(notebook: Notebook, provider: FakeProvider) -> None:
    """Pointed at, the buttons name and mark the cell; an insertion neither scrolls nor is what is replaced next."""
    notebook.add("def slugify(text):\n    return text")
    chat = ready(notebook)
    notebook.do("panel.content.activeCellIndex = 1")
    provider.script(Reply.answer(CODE))
    chat.ask("Sum it.")
    expect_end(chat, "Like this")
    insert = chat.region.locator(".whisperer-use").nth(0)
    replace = chat.region.locator(".whisperer-use").nth(1)
    cell = notebook.page.locator('.jp-Cell[data-windowed-list-index="1"]')
    replace.hover()
    expect(replace).to_have_accessible_name("Replace cell 2: def slugify(text):")
    expect(cell).to_have_attribute("data-whisperer-mark", "replace")
    insert.hover()
    expect(insert).to_have_accessible_name("Insert below cell 1")
    expect(cell).not_to_have_attribute("data-whisperer-mark", "replace")
    insert.click()
    expect(insert).to_have_text("Inserted as cell 2")
    expect(insert).to_be_in_viewport()
    replace.hover()
    expect(replace).to_have_accessible_name("Replace cell 3: def slugify(text):")
    replace.click()
    expect(replace).to_have_text("Replaced cell 3")
    assert notebook.sources == [SHOW_CHAT, "total = sum(range(10))", "total = sum(range(10))"]


def test_inserted_code_leaves_the_notebook_trusted(notebook: Notebook, provider: FakeProvider) -> None:
    """A cell that an agent puts in is as trusted as one that a person adds."""
    chat = ready(notebook)
    in_mode(chat, "edit")
    inserting(provider)
    chat.ask("Plan it.")
    expect_end(chat)
    assert notebook.do(
        "return Array.from(panel.content.model.cells).every(cell => cell.type !== 'code' || cell.trusted)"
    )


def test_variables_are_those_of_the_kernel(notebook: Notebook, provider: FakeProvider) -> None:
    """An @ offers the names that the kernel has, and no others; what is chosen keeps its name in the sentence."""
    chat = ready(notebook)
    notebook.run_code("numbers = [1, 2, 3]")
    chat.box.press_sequentially("What does @num")
    option = chat.region.get_by_role("option", name="Variable numbers", exact=True)
    expect(option).to_be_visible()
    option.click()
    expect(chat.box).to_have_value("What does numbers")
    chat.box.press_sequentially(" do? @numbe5")
    expect(chat.region.get_by_role("listbox", name="Completions")).to_be_hidden()
    for _ in range(8):
        chat.box.press("Backspace")
    chat.box.press("Enter")
    expect(chat.last()).to_contain_text("do?")
    chat.expect_idle()
    message = provider.chats()[-1].json["messages"][-1]["content"]
    assert "What does numbers do?" in message
    assert "[1, 2, 3]" in message


def test_context_is_offered_once_and_named(notebook: Notebook) -> None:
    """Each cell is offered once, the chat's own not at all; Escape leaves nothing; the message says which cell."""
    notebook.add("def slugify(text):\n    return text")
    notebook.add("other = 1")
    chat = ready(notebook)
    notebook.do("panel.content.activeCellIndex = 1")
    add = chat.region.get_by_role("button", name="Add context")
    add.click()
    options = chat.region.get_by_role("option")
    expect(options.filter(has_text="cell")).to_have_text(["Active cell: def slugify(text):", "Cell 3: other = 1"])
    chat.box.press("Escape")
    expect(chat.box).to_have_value("")
    chat.box.press_sequentially("What does @slu")
    options.first.click()
    expect(chat.box).to_have_value("What does slugify")
    chat.box.press_sequentially(" do?")
    chat.box.press("Enter")
    expect(chat.last("You").get_by_role("list", name="Context")).to_have_text("Cell 2: def slugify(text):")


def test_at_sign_names_agents(notebook: Notebook, provider: FakeProvider) -> None:
    """At a message's beginning an @ offers the agents; Escape closes the list, Enter takes what is marked."""
    chat = ready(notebook)
    provider.script(Reply.answer("Tested."))
    chat.box.press_sequentially("@te")
    expect(chat.region.get_by_role("option", name="Tessa, Tester")).to_be_visible()
    chat.box.press("Enter")
    expect(chat.box).to_have_value("@tessa ")
    chat.box.press_sequentially("test this")
    chat.box.press("Enter")
    expect(chat.text("Tessa")).to_have_text("Tested.")


def test_code_without_a_chat_puts_cells_below_its_own(notebook: Notebook, provider: FakeProvider) -> None:
    """A session that Python began: nothing is done to which its function says no; else cells go below that code."""
    notebook.run_code("from whisperer_kernel import Whisperer\n\nwhisperer = Whisperer(permit=lambda question: 'deny')")
    notebook.add("'last'")
    inserting(provider)
    notebook.run_code("print(whisperer.ask_sync('Plan it.'))")
    assert notebook.sources[-1] == "print(whisperer.ask_sync('Plan it.'))"
    assert "did not permit" in tool_results(provider)[0]
    notebook.run_code("_ = whisperer.wait(lambda client: client.session.call('session.set_mode', {'mode': 'edit'}))")
    inserting(provider)
    asking = "_ = whisperer.ask_sync('Plan it.')"
    before = notebook.sources
    notebook.do("panel.content.model.sharedModel.insertCell(2, {cell_type: 'code', source: value})", asking)
    notebook.run(2)
    assert notebook.sources == [*before[:2], asking, *PLAN_SOURCES, *before[2:]]


def test_notebook7_puts_cells_in(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """The same plugin does it in Notebook 7."""
    notebook = lab.open_notebook7(page, lab.write(SHOW_CHAT))
    chat = ready(notebook)
    in_mode(chat, "edit")
    inserting(provider)
    chat.ask("Plan it.")
    expect_end(chat)
    assert notebook.sources == [SHOW_CHAT, *PLAN_SOURCES]
