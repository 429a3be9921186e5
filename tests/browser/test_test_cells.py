"""Tessa's tests as a person sees them: a cell that runs green, and red once the function is broken; a report."""

from __future__ import annotations

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

SLUGIFY = 'def slugify(text):\n    """Lower case, words joined by a dash."""\n    return "-".join(text.lower().split())'
BROKEN = SLUGIFY.replace('"-"', '"_"')
GOOD = """def test_words():
    assert slugify("Hello World") == "hello-world"

def test_nothing():
    assert slugify("") == ""
"""
WRONG = "def test_underscore():\n    assert slugify('a b') == 'a_b'\n"
ARGUMENTS = {"target": "slugify", "tests": f"{GOOD}\n{WRONG}"}
CELL = "%%tests\n# Tests of slugify: 2 of 3 ran and passed before they came here.\n\n" + GOOD.strip()


def card_of(chat: Chat) -> Locator:
    """The report's card."""
    return chat.region.get_by_role("article", name="Tests", exact=True)


def show(notebook: Notebook, chat: Chat) -> int:
    """Go to the test cell from its card; the cell's place."""
    card_of(chat).get_by_role("button", name="Show in notebook").click()
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.source.startsWith('%%tests')"
    )
    place: int = notebook.do("return panel.content.activeCellIndex")
    return place


def expect_output(notebook: Notebook, place: int, words: str) -> Locator:
    """Wait until a cell has said this; its output."""
    cell = notebook.page.locator(f'.jp-Cell[data-windowed-list-index="{place}"]')
    output = cell.locator(".jp-OutputArea-output").first
    expect(output).to_contain_text(words)
    return output


@pytest.fixture
def function_chat(notebook: Notebook) -> Chat:
    """A chat in a notebook in which ``slugify`` is defined."""
    notebook.run_code(SLUGIFY)
    return ready(notebook)


@pytest.fixture
def tested(function_chat: Chat, provider: FakeProvider) -> Chat:
    """A chat in which Tessa has tested it."""
    in_mode(function_chat, "auto")
    calling(provider, "make_tests", ARGUMENTS)
    function_chat.ask("@tessa Test slugify")
    expect_end(function_chat, agent="Tessa")
    return function_chat


def test_test_cell_is_green_and_then_red(tested: Chat, notebook: Notebook) -> None:
    """Shift+Enter runs what passed, green; after the function was broken it is red and shows what differs."""
    assert notebook.sources == [SHOW_CHAT, SLUGIFY, CELL]
    place = show(notebook, tested)
    notebook.page.keyboard.press("Shift+Enter")
    expect_output(notebook, place, "✓ 2 passed")
    photograph(notebook, "tests-green", ("light", "dark"))
    notebook.do("panel.content.model.cells.get(1).sharedModel.setSource(value)", BROKEN)
    notebook.run(1)
    show(notebook, tested)
    notebook.page.keyboard.press("Shift+Enter")
    red = expect_output(notebook, place, "✗ 1 failed, 1 passed")
    expect(red).to_contain_text("assert 'hello_world' == 'hello-world'")
    expect(red.get_by_text("- hello-world", exact=True)).to_be_visible()
    expect(red.get_by_text("+ hello_world", exact=True)).to_be_visible()
    photograph(notebook, "tests-red", ("light", "dark"))


def test_strict_test_cell_raises(tested: Chat, notebook: Notebook) -> None:
    """With ``--strict`` a red cell is an error, in one line below its report, and what comes after it does not run."""
    place = show(notebook, tested)
    strict = CELL.replace("%%tests", "%%tests --strict")
    notebook.do("panel.content.activeCell.model.sharedModel.setSource(value)", strict)
    assert "✓ 2 passed" in notebook.run(place)
    notebook.do("panel.content.model.cells.get(1).sharedModel.setSource(value)", BROKEN)
    notebook.run(1)
    after = notebook.add("print('never')")
    notebook.do("await jupyterapp.commands.execute('notebook:run-all-cells')")
    report, error = notebook.outputs(place)
    assert report["data"]["text/plain"].startswith("✗ 1 failed, 1 passed")
    assert error["traceback"] == ["TestsFailed: Tests did not pass: 1 failed, 1 passed."]
    assert notebook.outputs(after) == []


def test_what_did_not_pass_is_reported(tested: Chat, notebook: Notebook) -> None:
    """The card counts, and gives each test that did not pass with its reason; it is not in the cell."""
    card = card_of(tested)
    expect(card).to_contain_text("slugify")
    expect(card.locator(".whisperer-counts")).to_have_text("✓ 2 passed✗ 1 failed")
    run = card.get_by_text("The run before the tests came into the notebook, reported at ")
    expect(run.locator("time")).to_be_visible()
    reason = card.get_by_role("group").filter(has_text="test_underscore")
    expect(reason.locator("pre")).not_to_be_visible()
    reason.locator("summary").click()
    expect(reason.locator("pre")).to_contain_text("+ a-b")
    assert "test_underscore" not in CELL
    (mark,) = (cell["metadata"]["whisperer"] for cell in notebook.cells if "whisperer" in cell["metadata"])
    assert (mark["kind"], mark["agent"]) == ("test", "tessa")
    assert mark["reportId"]


def test_running_and_inserting_are_asked_for(function_chat: Chat, notebook: Notebook, provider: FakeProvider) -> None:
    """Both questions say in words what will happen; after a no to the second nothing is put in, and that is said."""
    chat = function_chat
    calling(provider, "make_tests", ARGUMENTS)
    chat.ask("@tessa Test slugify")
    expect(chat.permission).to_contain_text("Tessa wants to run tests of slugify in a process of their own")
    expect(chat.permission).to_contain_text("def test_words")
    photograph(notebook, "permission", ("light", "dark"))
    chat.permission.get_by_role("button", name="Allow once").click()
    expect(chat.permission).to_contain_text("Tessa wants to insert a cell below the cell that defines slugify")
    chat.permission.get_by_role("button", name="Deny").click()
    expect_end(chat, agent="Tessa")
    expect(card_of(chat)).to_contain_text("They are not in the notebook: The user did not permit this.")
    expect(card_of(chat).get_by_role("button", name="Show in notebook")).to_have_count(0)
    assert notebook.sources == [SHOW_CHAT, SLUGIFY]


def test_tests_go_into_their_notebook_and_one_undo_takes_them_back(
    lab: Lab, function_chat: Chat, notebook: Notebook, provider: FakeProvider
) -> None:
    """With another notebook's tab in front the test cell goes below its function where the chat asked."""
    in_mode(function_chat, "auto")
    gate = provider.gate()
    provider.script(Reply([gate, *Reply.tools(("call-1", "make_tests", ARGUMENTS)).steps]), Reply.answer("All done."))
    function_chat.ask("@tessa Test slugify")
    with in_front(lab, notebook) as other:
        gate.open()
        expect_sources(notebook, [SHOW_CHAT, SLUGIFY, CELL])
        expect_sources(notebook, [OTHER], other)
    expect_end(notebook.chat(), agent="Tessa")
    notebook.undo()
    assert notebook.sources == [SHOW_CHAT, SLUGIFY]


def test_two_tabs_insert_tests_once(
    function_chat: Chat, notebook: Notebook, provider: FakeProvider, lab: Lab, new_page: NewPage
) -> None:
    """The notebook is open in two tabs: the tests go into the one that asked for them; both show the report."""
    in_mode(function_chat, "auto")
    notebook.save()
    second = lab.open(new_page(), notebook.path)
    other = ready(second)
    calling(provider, "make_tests", ARGUMENTS)
    function_chat.ask("@tessa Test slugify")
    for chat in (function_chat, other):
        expect_end(chat, agent="Tessa")
        expect(card_of(chat)).to_have_count(1)
    assert notebook.sources == [SHOW_CHAT, SLUGIFY, CELL]
    assert second.sources == [SHOW_CHAT, SLUGIFY]
