"""Where Tessa's tests stand: below what they test, once, and in the place of earlier ones that nobody has touched."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.asking import calling, expect_end, in_mode, ready, tool_results
from tests.browser.lab import SHOW_CHAT, Chat, Notebook
from tests.fakes.provider import FakeProvider

SLUGIFY = "def slugify(text):\n    return '-'.join(text.lower().split())"
OTHER = "'of the person'"
ONE = "def test_words():\n    assert slugify('A b') == 'a-b'\n"
TWO = "def test_empty():\n    assert slugify('') == ''\n"


def tessa(notebook: Notebook, *cells: str) -> Chat:
    """Her chat, first in the notebook, above cells that were run."""
    chat = ready(notebook)
    for cell in cells:
        notebook.run_code(cell)
    chat.switch_to("Tessa")
    return chat


def ask_for(chat: Chat, provider: FakeProvider, tests: str) -> str:
    """Have the model make these tests; what it says at the end, which it has not said before."""
    end = f"Done, after {chat.by('Tessa').count()} answers."
    calling(provider, "make_tests", {"target": "slugify", "tests": tests}, end)
    chat.ask("Test slugify.")
    return end


def permit(chat: Chat, words: str) -> None:
    """Say yes to a question in which these words stand."""
    expect(chat.permission).to_contain_text(words)
    chat.permission.get_by_role("button", name="Allow once").click()


def names_of_tests(notebook: Notebook) -> list[str]:
    """The names of the tests of each test cell."""
    return [source.split("def ")[1].split("(")[0] for source in notebook.sources if source.startswith("%%tests")]


def test_restart_and_run_all_is_green(notebook: Notebook, provider: FakeProvider) -> None:
    """The chat comes first and the tests stand below the function, which question and answer say."""
    chat = tessa(notebook, SLUGIFY, OTHER)
    end = ask_for(chat, provider, ONE)
    permit(chat, "test_words")
    permit(chat, "below the cell that defines slugify")
    expect_end(chat, end, "Tessa")
    assert [source.split("\n")[0] for source in notebook.sources] == [
        SHOW_CHAT.split("\n")[0],
        SLUGIFY.split("\n", maxsplit=1)[0],
        "%%tests",
        OTHER,
    ]
    assert "are in the notebook, below the cell that defines slugify." in tool_results(provider)[-1]
    notebook.restart_kernel()
    notebook.do("await jupyterapp.commands.execute('notebook:run-all-cells')")
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.model.cells.get(3).outputs.length > 0"
    )
    assert "1 passed" in notebook.output(2)
    notebook.undo()
    assert names_of_tests(notebook) == []


def test_same_tests_come_once(notebook: Notebook, provider: FakeProvider) -> None:
    """Asked again, new ones replace hers, which an undo brings back, unless the person has changed those."""
    chat = tessa(notebook, SLUGIFY)
    in_mode(chat, "auto")
    for tests, said in ((ONE, "below the cell that defines slugify"), (ONE, "in the place of the earlier ones")):
        end = ask_for(chat, provider, tests)
        expect_end(chat, end, "Tessa")
        assert said in tool_results(provider)[-1]
        assert names_of_tests(notebook) == ["test_words"]
    in_mode(chat, "edit")
    end = ask_for(chat, provider, TWO)
    permit(chat, "test_empty")
    expect_end(chat, end, "Tessa")
    assert "in the place of the earlier ones" in tool_results(provider)[-1]
    assert names_of_tests(notebook) == ["test_empty"]
    notebook.undo()
    assert names_of_tests(notebook) == ["test_words"]
    in_mode(chat, "ask")
    notebook.do("panel.content.model.cells.get(2).sharedModel.setSource(value)", f"%%tests\n# mine\n{ONE}")
    end = ask_for(chat, provider, TWO)
    permit(chat, "test_empty")
    permit(chat, "below the cell that defines slugify")
    expect_end(chat, end, "Tessa")
    assert names_of_tests(notebook) == ["test_words", "test_empty"]


def test_replacing_is_asked_for(notebook: Notebook, provider: FakeProvider) -> None:
    """The question says that an earlier cell goes; what the person does to it meanwhile is kept all the same."""
    chat = tessa(notebook, SLUGIFY)
    in_mode(chat, "auto")
    end = ask_for(chat, provider, ONE)
    expect_end(chat, end, "Tessa")
    in_mode(chat, "ask")
    end = ask_for(chat, provider, TWO)
    permit(chat, "test_empty")
    expect(chat.permission).to_contain_text("in the place of an earlier one, which nobody has changed")
    notebook.do("panel.content.model.cells.get(2).sharedModel.setSource(value)", f"%%tests\n# mine\n{ONE}")
    permit(chat, "in the place of an earlier one")
    expect_end(chat, end, "Tessa")
    assert names_of_tests(notebook) == ["test_words", "test_empty"]
    assert "below the cell that defines slugify" in tool_results(provider)[-1]


def test_last_definition_that_was_run_counts(notebook: Notebook, provider: FakeProvider) -> None:
    """Of two cells that define the function the later run one; where none does, the tests go below the chat."""
    chat = tessa(notebook, SLUGIFY, OTHER, SLUGIFY.replace("lower", "casefold"))
    notebook.run(1)
    in_mode(chat, "auto")
    end = ask_for(chat, provider, ONE)
    expect_end(chat, end, "Tessa")
    assert notebook.sources[2].startswith("%%tests")
    notebook.do("const {sharedModel} = panel.content.model;for (const at of [4, 2, 1]) sharedModel.deleteCell(at);")
    assert notebook.sources == [SHOW_CHAT, OTHER]
    end = ask_for(chat, provider, ONE)
    expect_end(chat, end, "Tessa")
    assert notebook.sources[1].startswith("%%tests")
    assert "are in the notebook, below the chat." in tool_results(provider)[-1]
