"""What an agent must not do unasked is put to the person, in the chat."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.asking import PLAN_SOURCES, calling, expect_end, inserting, ready, tool_results
from tests.browser.conftest import Serve
from tests.browser.lab import SHOW_CHAT, Chat, Notebook, settings
from tests.fakes.provider import FakeProvider, Reply


@pytest.fixture
def asked(notebook: Notebook, provider: FakeProvider) -> tuple[Chat, Locator]:
    """A chat in which Alice asks whether she may put cells in, and the question."""
    chat = ready(notebook)
    inserting(provider)
    chat.ask("Plan it.")
    expect(chat.permission).to_be_visible()
    return chat, chat.permission


@pytest.mark.parametrize(("answer", "inserted"), [("Deny", False), ("Allow once", True)])
def test_question_is_answered(
    asked: tuple[Chat, Locator], notebook: Notebook, provider: FakeProvider, answer: str, *, inserted: bool
) -> None:
    """The question shows what will happen; nothing does before the answer, and after a no nothing ever does."""
    chat, question = asked
    expect(question).to_contain_text("Alice wants to insert 3 cells below the chat")
    expect(question).to_contain_text("answer = 6 * 7")
    assert notebook.sources == [SHOW_CHAT]
    question.get_by_role("button", name=answer, exact=True).click()
    expect(question).to_have_count(0)
    expect_end(chat)
    assert notebook.sources == ([SHOW_CHAT, *PLAN_SOURCES] if inserted else [SHOW_CHAT])
    assert ("did not permit" in tool_results(provider)[0]) is not inserted


def test_yes_for_the_session_is_asked_once(
    asked: tuple[Chat, Locator], notebook: Notebook, provider: FakeProvider
) -> None:
    """After a yes for the session the same is done without a question; running what is put in asks again."""
    chat, question = asked
    question.get_by_role("button", name="Allow for this session").click()
    expect_end(chat)
    provider.script(
        Reply.tools(("call-1", "insert_cells", {"cells": [{"type": "code", "source": "again = 1"}]})),
        Reply.answer("Twice."),
    )
    chat.ask("Again.")
    expect_end(chat, "Twice.")
    assert notebook.sources[-1] == "again = 1"
    inserting(provider, run=True)
    chat.ask("And run it.")
    expect(chat.permission).to_contain_text("and run them")
    chat.permission.get_by_role("button", name="Deny").click()
    expect_end(chat)


def test_question_without_an_answer_is_a_no(serve: Serve, page: Page) -> None:
    """Nobody answers in time: the question goes, and the model is told."""
    with FakeProvider() as provider:
        lab = serve(environ=settings(provider.url, LIMITS__PERMISSION_TIMEOUT_S="2"))
        notebook = lab.new(page, SHOW_CHAT)
        chat = ready(notebook)
        inserting(provider)
        chat.ask("Plan it.")
        expect(chat.permission).to_be_visible()
        expect(chat.permission).to_have_count(0)
        expect_end(chat)
        assert "No answer" in tool_results(provider)[0]
        assert notebook.sources == [SHOW_CHAT]


@pytest.mark.usefixtures("asked")
def test_question_is_there_again_after_a_reload(notebook: Notebook) -> None:
    """Reloaded while a question stands: it stands again, and a yes puts the cells into the page of now."""
    notebook.save()
    notebook.reload()
    chat = notebook.chat()
    expect(chat.region).to_have_attribute("data-notebook", "")
    expect(chat.permission).to_have_count(1)
    chat.permission.get_by_role("button", name="Allow once").click()
    expect_end(chat)
    assert notebook.sources == [SHOW_CHAT, *PLAN_SOURCES]


def test_stop_takes_the_question_away(asked: tuple[Chat, Locator], notebook: Notebook) -> None:
    """A turn that is stopped asks nothing more."""
    chat, question = asked
    chat.stop.click()
    expect(question).to_have_count(0)
    chat.expect_idle()
    assert notebook.sources == [SHOW_CHAT]


def test_question_by_keyboard(asked: tuple[Chat, Locator], notebook: Notebook) -> None:
    """Shift+Tab leads from the text box to the question; after Enter on an answer the box has the focus again."""
    chat, question = asked
    deny = question.get_by_role("button", name="Deny")
    expect(deny).to_be_enabled()
    chat.box.focus()
    for _ in range(4):
        notebook.page.keyboard.press("Shift+Tab")
        if deny.evaluate("button => button === document.activeElement"):
            break
    expect(deny).to_be_focused()
    notebook.page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    expect(chat.box).to_be_focused()


def test_question_shows_the_change_and_the_code(notebook: Notebook, provider: FakeProvider) -> None:
    """A cell to be replaced is shown as what goes and what comes, one to be run with its source; ids tell nothing."""
    notebook.add("total = sum(range(10))\ntotal")
    chat = ready(notebook)
    cell = notebook.cells[1]["id"]
    calling(provider, "replace_cell", {"cell_id": cell, "source": "total = sum(range(11))\ntotal"})
    chat.ask("Mend it.")
    expect(chat.permission).to_contain_text("Alice wants to replace what is in a cell")
    preview = chat.permission.locator(".whisperer-preview")
    expect(preview).to_contain_text("Cell 2")
    marks = preview.locator("[data-mark]").evaluate_all("all => all.map(one => [one.dataset.mark, one.textContent])")
    assert marks == [
        ["-", "- total = sum(range(10))\n"],
        ["+", "+ total = sum(range(11))\n"],
        [" ", "  total\n"],
    ]
    chat.permission.get_by_role("button", name="Allow once").click()
    expect_end(chat)
    calling(provider, "run_cells", {"cell_ids": [cell]}, then="Run.")
    chat.ask("Run it.")
    expect(chat.permission).to_contain_text("Alice wants to run a cell")
    expect(chat.permission.get_by_role("button")).to_have_text(["Allow once", "Deny"])
    expect(preview).to_contain_text("sum(range(11))")
    expect(chat.permission).not_to_contain_text(cell)
    chat.permission.get_by_role("button", name="Allow once").click()
    expect_end(chat, "Run.")
    assert notebook.output(1) == "55"


def test_question_hides_nothing(notebook: Notebook, provider: FakeProvider) -> None:
    """Code after blank lines is in sight, what cannot be seen has a number, and how much there is stays put."""
    chat = ready(notebook)
    many = "\n".join(f"value_{number} = {number}" for number in range(50))
    source = f"print('harmless')\n{' ' * 300}\n{chr(10) * 400}remove = 'me\u202e\u200b'\n{many}"
    calling(provider, "insert_cells", {"cells": [{"type": "code", "source": source}], "run": True})
    chat.ask("Plan it.")
    preview = chat.permission.locator(".whisperer-preview")
    expect(preview).to_contain_text("⋯ 401 blank lines ⋯")
    hidden = preview.get_by_text("'me⟨U+202E⟩⟨U+200B⟩'")
    expect(hidden).to_be_in_viewport()
    box, within = hidden.bounding_box(), preview.bounding_box()
    assert box is not None
    assert within is not None
    assert box["y"] + box["height"] <= within["y"] + within["height"] < within["y"] + 200
    size = preview.get_by_text("453 lines: scroll to read them all")
    preview.evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(size).to_be_in_viewport()
    expect(preview.get_by_text("value_49")).to_be_in_viewport()
    chat.permission.get_by_role("button", name="Deny").click()
    expect_end(chat)


def test_stopped_while_asked(asked: tuple[Chat, Locator], notebook: Notebook) -> None:
    """Stop takes the question back; the call's card says that it was stopped, not that it failed."""
    chat, question = asked
    chat.stop.click()
    expect(question).to_have_count(0)
    chat.expect_idle()
    expect(chat.region.locator(".whisperer-tool-line")).to_contain_text("Stopped")
    expect(chat.region.locator(".whisperer-tool")).not_to_contain_text("Failed")
    assert notebook.sources == [SHOW_CHAT]


def test_second_click_answers_nothing_else(notebook: Notebook, provider: FakeProvider) -> None:
    """Where the next question takes an answered one's place, a click that came twice does not answer it."""
    chat = ready(notebook)
    cells = [{"type": "code", "source": "first = 1"}]
    provider.script(Reply.tools(("call-1", "insert_cells", {"cells": cells})))
    inserting(provider)
    chat.ask("Plan it.")
    chat.permission.get_by_role("button", name="Allow once").dblclick(delay=0)
    expect(chat.permission).to_contain_text("3 cells")
    assert notebook.sources == [SHOW_CHAT, "first = 1"]
    chat.permission.get_by_role("button", name="Deny").click()
    expect_end(chat)
    assert notebook.sources == [SHOW_CHAT, "first = 1"]
