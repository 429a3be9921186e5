"""The chat beside the notebook, and the commands by which it is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.asking import expect_end
from tests.browser.conftest import NewPage, Serve
from tests.browser.lab import Chat, Lab, Notebook, settings
from tests.fakes.provider import FakeProvider, Reply

BROKEN = "values = [1, 2, 3]\ntotal = sum(value)"
MENDED = "values = [1, 2, 3]\ntotal = sum(values)\nprint(total)"
MIN_WIDTH = 320
WHERE = "config/lab/user-settings/whisperer/plugin.jupyterlab-settings"


def command(notebook: Notebook, name: str) -> None:
    """Carry out one of the commands."""
    notebook.do("await jupyterapp.commands.execute(value)", f"whisperer:{name}")


def beside(page: Page) -> Chat:
    """The chat in the side panel."""
    return Chat(page.locator("#whisperer-panel").get_by_role("region", name="Whisperer chat"))


def fail(notebook: Notebook, index: int = 0) -> Locator:
    """Run a cell that fails; the button under it."""
    notebook.do("panel.content.activeCellIndex = value; await jupyterapp.commands.execute('notebook:run-cell')", index)
    return notebook.page.get_by_role("button", name="Fix this error")


@pytest.mark.parametrize("place", ["lab", "notebook7"])
def test_panel_shows_the_notebooks_conversation(lab: Lab, page: Page, provider: FakeProvider, place: str) -> None:
    """Opened beside the notebook, the chat is this notebook's; its code goes below the cell that the person was in."""
    path = lab.write("first = 1", "second = 2")
    notebook = lab.open(page, path) if place == "lab" else lab.open_notebook7(page, path)
    command(notebook, "open")
    chat = beside(page).ready()
    expect(chat.text()).to_contain_text("Hello, I am Alice.")
    width = page.locator("#whisperer-panel").evaluate("node => node.getBoundingClientRect().width")
    assert width >= MIN_WIDTH
    provider.script(Reply.answer("Like this:\n\n```python\nx = 1\n```\n"))
    chat.ask("Set x.")
    # While it is being written a block is made anew, and the button that was clicked is gone with its words.
    expect_end(chat, "Like this:")
    chat.region.get_by_role("button", name="Insert below").click()
    expect(chat.region.get_by_text("Inserted as cell 2")).to_be_visible()
    assert notebook.sources == ["first = 1", "x = 1", "second = 2"]


def test_panel_follows_the_notebook_in_front(lab: Lab, page: Page) -> None:
    """Another notebook in front has a conversation of its own; back at the first, what was begun is still there."""
    first = lab.new(page, "first = 1")
    command(first, "open")
    chat = beside(page).ready()
    chat.box.fill("half a question")
    other = lab.write("other = 1")
    open_ = "await jupyterapp.commands.execute('docmanager:open', {path: value})"
    first.do(open_, other)
    page.wait_for_function("path => jupyterapp.shell.currentWidget?.context?.path === path", arg=other)
    first.wait_until_ready()
    expect(chat.ready().box).to_have_value("")
    first.do(open_, first.path)
    expect(chat.box).to_have_value("half a question")


def test_error_goes_from_red_to_green(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """The button under a failed cell asks Alice, whoever is chosen; what is proposed replaces it after a yes."""
    notebook = lab.new(page, BROKEN)
    button = fail(notebook)
    cell = notebook.cells[0]["id"]
    command(notebook, "open")
    beside(page).ready().switch_to("Tessa")
    provider.script(
        Reply.tools(("call-1", "replace_cell", {"cell_id": cell, "source": MENDED})),
        Reply.answer("It is called values."),
    )
    button.click()
    chat = beside(page).ready()
    chat.permission.get_by_role("button", name="Allow once").click()
    expect(chat.last()).to_contain_text("It is called values.")
    asked = str(provider.chats()[0].json["messages"][-1]["content"])
    assert "NameError" in asked
    assert cell in asked
    assert notebook.run() == "6"
    expect(button).to_have_count(0)


def test_commands_ask_about_the_cell(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """Explain, test and plan each go to whom they are for, with the cell; a cell that does not fit says so."""
    notebook = lab.new(page, "def slugify(text):\n    return text.lower()", "x = 1")
    provider.script(Reply.answer("It makes a slug."), Reply.answer("Tested."))
    command(notebook, "explain-cell")
    chat = beside(page).ready()
    expect(chat.last()).to_contain_text("It makes a slug.")
    assert "return text.lower()" in str(provider.chats()[-1].json["messages"][-1]["content"])
    command(notebook, "test-function")
    expect(chat.last("Tessa")).to_contain_text("Tested.")
    command(notebook, "plan")
    expect(chat.box).to_have_value("@patricia ")
    command(notebook, "ask-about-cell")
    expect(chat.region.get_by_role("list", name="Context of the next message")).to_contain_text("Cell 1: def slugify")
    notebook.do("panel.content.activeCellIndex = 1")
    command(notebook, "fix-error")
    expect(page.get_by_text("This cell has not failed.")).to_be_visible()


def test_settings_are_heeded(serve: Serve, new_page: NewPage) -> None:
    """The panel stands where it is wanted and sessions begin in the mode that is; a wrong value is named in the log."""
    with FakeProvider() as provider:
        lab = serve(environ=settings(provider.url))
        choose(lab.folder, {"panel": "left", "mode": "plan", "transcript": False})
        page = new_page()
        notebook = lab.new(page, "from whisperer_kernel import Chat\n\nChat()")
        chat = notebook.show_chat()
        expect(chat.mode).to_have_value("plan")
        chat.ask("Hello?")
        expect(chat.last()).to_contain_text("Hello?")
        chat.expect_idle()
        assert (
            notebook.do("return Array.from(jupyterapp.shell.widgets('left'), one => one.id)").count("whisperer-panel")
            == 1
        )
        assert notebook.run_code("1") == "1"
        assert not [each for each in notebook.outputs() if "text/markdown" in each["data"]]
        choose(lab.folder, {"panel": "above"})
        lab.open(page, notebook.path)
        assert notebook.do("return Array.from(jupyterapp.shell.widgets('right'), one => one.id)").count(
            "whisperer-panel"
        )
        assert "(whisperer:plugin): 'above' is not one of ['left', 'right', 'off']" in lab.log


def choose(folder: Path, chosen: dict[str, object]) -> None:
    """What a person has chosen in JupyterLab's settings."""
    path = folder / WHERE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(chosen))
