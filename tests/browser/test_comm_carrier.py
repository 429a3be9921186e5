"""The chat where its page finds no Whisperer server: by way of the kernel, which runs the sessions itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import in_three_parts, reloaded_in_mid_answer
from tests.browser.conftest import NEWER, OLD, NewPage
from tests.browser.lab import SHOW_CHAT, Lab, Notebook
from tests.fakes.provider import FakeProvider, Reply

INSTALLED = ""
HEARS_WHILE_BUSY = (NEWER, INSTALLED)
WAITS = "Waiting for the running cell…"


@pytest.fixture(params=[OLD, NEWER, INSTALLED], ids=["6.31", "7.3", "installed"])
def version(request: pytest.FixtureRequest) -> str:
    """Of the kernel's ipykernel; empty: the installed one."""
    found: str = request.param
    return found


@pytest.fixture
def notebook(bare_lab: Lab, page: Page, version: str) -> Notebook:
    """A new notebook with a kernel of this version."""
    return bare_lab.open(page, bare_lab.write(SHOW_CHAT, kernel=version or "python3"))


@pytest.fixture
def new_notebook(bare_lab: Lab, page: Page) -> Notebook:
    """A new notebook with the installed kernel."""
    return bare_lab.new(page, SHOW_CHAT)


@contextmanager
def busy(lab: Lab, notebook: Notebook, first: str = "") -> Iterator[None]:
    """A cell sleeps in the kernel meanwhile, after it did something."""
    go_on = Path(lab.folder, f"go-on-{notebook.path}")
    wait = f"while not os.path.exists({str(go_on)!r}): time.sleep(0.01)"
    index = notebook.add(f"import os, time\n{first}\nprint('on', flush=True)\n{wait}\n'over'")
    notebook.start(index)
    notebook.page.wait_for_function(
        "index => jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs.length === 1", arg=index
    )
    yield
    assert "over" not in notebook.output(index)
    go_on.touch()
    notebook.page.wait_for_function(
        "index => jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs.length === 2", arg=index
    )


def test_answer_comes_piece_by_piece_and_stops(notebook: Notebook, provider: FakeProvider) -> None:
    """The kernel runs the session and says so; its answer comes as it is made, and Stop ends it."""
    chat = notebook.show_chat()
    expect(chat.region).to_contain_text("Runs in this kernel (no Whisperer server: ")
    expect(chat.connection).to_be_empty()
    expect(chat.text()).to_contain_text("I am Alice")
    middle, end = in_three_parts(provider)
    chat.ask("Count.")
    expect(chat.text()).to_have_text("one")
    middle.open()
    expect(chat.text()).to_have_text("one two")
    chat.stop.click()
    expect(chat.last()).to_contain_text("Stopped")
    end.open()
    chat.expect_idle()
    expect(chat.text()).to_have_text("one two")


def test_question_while_a_cell_sleeps(bare_lab: Lab, notebook: Notebook, version: str, provider: FakeProvider) -> None:
    """Where the kernel has subshells it is answered and stopped at once; elsewhere the chat says what it waits for."""
    chat = notebook.show_chat()
    expect(chat.articles).to_have_count(1)
    middle, _ = in_three_parts(provider)
    with busy(bare_lab, notebook):
        chat.ask("Count.")
        if version in HEARS_WHILE_BUSY:
            expect(chat.text()).to_have_text("one")
            middle.open()
            expect(chat.text()).to_have_text("one two")
            chat.stop.click()
            expect(chat.last()).to_contain_text("Stopped")
            expect(chat.region).not_to_contain_text("wait for its end")
        else:
            expect(chat.connection).to_have_text(WAITS)
            expect(chat.region).to_contain_text("While a cell runs, a question and Stop wait for its end.")
            assert provider.chats() == []
    if version not in HEARS_WHILE_BUSY:
        expect(chat.text()).to_have_text("one")
        expect(chat.connection).to_be_empty()


def test_answer_goes_on_while_a_cell_sleeps(
    bare_lab: Lab, notebook: Notebook, version: str, provider: FakeProvider
) -> None:
    """An answer that was begun goes on piece by piece; a Stop that has to wait for the cell says so, and then stops."""
    chat = notebook.show_chat()
    middle, _ = in_three_parts(provider)
    chat.ask("Count.")
    expect(chat.text()).to_have_text("one")
    with busy(bare_lab, notebook):
        middle.open()
        expect(chat.text()).to_have_text("one two")
        chat.stop.click()
        if version in HEARS_WHILE_BUSY:
            expect(chat.last()).to_contain_text("Stopped")
        else:
            expect(chat.connection).to_have_text(WAITS)
    expect(chat.last()).to_contain_text("Stopped")
    chat.expect_idle()


def test_sleeping_cell_that_used_the_widget(bare_lab: Lab, notebook: Notebook, version: str) -> None:
    """A cell that changes the chat takes none of its messages away from where they are heard."""
    chat = notebook.show_chat()
    with busy(bare_lab, notebook, "chat.height = '400px'"):
        chat.ask("Are you there?")
        if version in HEARS_WHILE_BUSY:
            expect(chat.text()).to_contain_text("Are you there?")
    expect(chat.text()).to_contain_text("Are you there?")


def test_code_goes_into_the_notebook_by_a_click(bare_lab: Lab, page: Page, provider: FakeProvider) -> None:
    """Where the kernel has no subshells agents have no hands, and the person has."""
    notebook = bare_lab.open(page, bare_lab.write(SHOW_CHAT, kernel=OLD))
    chat = notebook.show_chat()
    expect(chat.region).to_contain_text("agents put no cells in here")
    provider.script(Reply.answer("Like this:\n\n```python\nx = 1\n```\n"))
    chat.ask("How?")
    chat.region.get_by_role("button", name="Insert below").click()
    expect(chat.region.get_by_text("Inserted as cell 2")).to_be_visible()
    assert notebook.sources[1] == "x = 1"
    offered = {tool["function"]["name"] for tool in provider.chats()[-1].json["tools"]}
    assert "insert_cells" not in offered
    assert "list_variables" in offered


def test_reload_in_mid_answer_loses_and_doubles_nothing(new_notebook: Notebook, provider: FakeProvider) -> None:
    """A reload in mid-answer shows what was said, what was said meanwhile and what is said then, once each."""
    assert reloaded_in_mid_answer(new_notebook, provider) == ["Alice", "You", "Alice"]


def test_all_chats_and_python_share_the_session(bare_lab: Lab, new_page: NewPage, provider: FakeProvider) -> None:
    """Another chat in the notebook, the same in another tab, and Python in a cell are in one conversation."""
    path = bare_lab.write(SHOW_CHAT, "Chat(height=300)")
    notebook = bare_lab.open(new_page(), path)
    first, second = notebook.show_chat(0), notebook.show_chat(1)
    notebook.save()
    elsewhere = bare_lab.open(new_page(), path).chat(0).ready()
    middle, end = in_three_parts(provider)
    first.ask("Count.")
    middle.open()
    expect(second.text()).to_have_text("one two")
    expect(elsewhere.text()).to_have_text("one two")
    end.open()
    expect(elsewhere.text()).to_have_text("one two three")
    second.expect_idle()
    said = notebook.run_code(
        "from whisperer_kernel import Whisperer\n"
        "agents = Whisperer()\nreply = await agents.ask('From a cell.')\n"
        "print([message.content for message in await agents.history()][1:])"
    )
    assert "'Count.', 'one two three', 'From a cell.'" in said
    expect(first.text()).to_contain_text("From a cell.")
    expect(elsewhere.text()).to_contain_text("From a cell.")
    assert first.transcript() == second.transcript() == elsewhere.transcript()


def test_conversation_outlives_the_kernel(bare_lab: Lab, new_notebook: Notebook) -> None:
    """After a restart of the kernel the chat says what to do, and the cell run again goes on, another day too."""
    chat = new_notebook.show_chat()
    chat.ask("Remember aardvark.")
    expect(chat.text()).to_contain_text("aardvark")
    chat.expect_idle()
    new_notebook.restart_kernel()
    expect(chat.problem).to_contain_text("Run the cell again: the conversation goes on.")
    chat.problem.get_by_role("button", name="Try again").click()
    expect(chat.problem).to_contain_text("Run the cell again: the conversation goes on.")
    again = new_notebook.show_chat()
    expect(again.articles).to_have_count(3)
    new_notebook.save()
    new_notebook.page.goto("about:blank")
    bare_lab.shut_notebooks()
    next_day = bare_lab.open(new_notebook.page, new_notebook.path).show_chat()
    expect(next_day.articles).to_have_count(3)
    next_day.ask("What was it?")
    expect(next_day.text()).to_contain_text("What was it?")


def test_page_that_comes_from_no_jupyter_server(new_notebook: Notebook) -> None:
    """As in VS Code: a page that names no server takes the way by the kernel, and asks nobody."""
    new_notebook.page.evaluate("document.getElementById('jupyter-config-data').remove()")
    asked: list[str] = []
    new_notebook.page.on("request", lambda request: asked.append(request.url))
    chat = new_notebook.show_chat()
    chat.ask("Anybody there?")
    expect(chat.text()).to_contain_text("Anybody there?")
    assert not [url for url in asked if "/whisperer/" in url]


def test_server_that_the_kernel_alone_reaches(lab: Lab, page: Page) -> None:
    """Where the page does not reach the Whisperer server and the kernel does, the chat is in the server's session."""
    page.route("**/whisperer/health*", lambda route: route.fulfill(status=404))
    page.route_web_socket("**/whisperer/ws*", lambda socket: socket.close())
    notebook = lab.new(page, SHOW_CHAT)
    chat = notebook.show_chat()
    expect(chat.region).to_contain_text(f"Runs at {lab.url}/, through this kernel")
    chat.ask("By a detour.")
    expect(chat.text()).to_contain_text("By a detour.")
    chat.expect_idle()
    said = notebook.run_code(
        "from whisperer_kernel import Whisperer\n"
        "agents = Whisperer()\nprint([message.content for message in await agents.history()], agents.where)"
    )
    assert "By a detour." in said
    assert f"attached to {lab.url}" in said
