"""A conversation outlives reloads, kernels, renames and lost servers, and is the same wherever it is shown."""

from __future__ import annotations

import shutil

from playwright.sync_api import Page, expect

from tests.browser.asking import in_three_parts, reloaded_in_mid_answer, until
from tests.browser.conftest import NewPage, Serve
from tests.browser.lab import SHOW_CHAT, Chat, Lab, Notebook, settings
from tests.fakes.provider import Act, FakeProvider, Reply, text

INTRODUCED = 1


def test_reload_in_mid_answer_loses_and_doubles_nothing(notebook: Notebook, provider: FakeProvider) -> None:
    """A reload in mid-answer shows what was said, what was said meanwhile and what is said then, once each."""
    assert reloaded_in_mid_answer(notebook, provider) == ["Alice", "You", "Alice"]


def test_cell_run_again_goes_on(chat: Chat, notebook: Notebook) -> None:
    """Running the cell again shows the same conversation, and nobody introduces herself twice."""
    chat.ask("Remember aardvark.")
    expect(chat.text()).to_contain_text("aardvark")
    chat.expect_idle()
    before = chat.transcript()
    again = notebook.show_chat()
    expect(again.articles).to_have_count(3)
    assert again.transcript() == before


def test_conversation_goes_on_after_kernel_restart(chat: Chat, notebook: Notebook, provider: FakeProvider) -> None:
    """After a restart of the kernel the chat answers still, and the cell run again shows the same conversation."""
    chat.ask("Remember aardvark.")
    expect(chat.text()).to_contain_text("aardvark")
    notebook.restart_kernel()
    chat.ask("Are you still there?")
    expect(chat.text()).to_contain_text("still there?")
    again = notebook.show_chat()
    expect(again.articles).to_have_count(5)
    again.ask("What was it?")
    expect(again.text()).to_contain_text("What was it?")
    assert "aardvark" in str(provider.chats()[-1].json["messages"])


def test_chat_is_back_when_its_widget_is_gone(chat: Chat, notebook: Notebook, provider: FakeProvider) -> None:
    """Kernel restarted and page reloaded: the conversation stands in its cell again, goes on, and uses the notebook."""
    chat.ask("Remember aardvark.")
    expect(chat.text()).to_contain_text("aardvark")
    chat.expect_idle()
    notebook.save()
    notebook.restart_kernel()
    notebook.reload()
    again = notebook.chat().ready()
    expect(again.articles).to_have_count(3)
    expect(again.region).to_have_attribute("data-notebook", "")
    provider.script(Reply.answer("Like this:\n\n```python\nx = 1\n```\n"))
    again.ask("What was it?")
    again.region.get_by_role("button", name="Insert below").click()
    expect(again.region.get_by_text("Inserted as cell 2")).to_be_visible()
    assert "aardvark" in str(provider.chats()[-1].json["messages"])
    assert notebook.sources[1] == "x = 1"


def test_chat_of_its_own_says_that_it_ended(lab: Lab, page: Page) -> None:
    """A chat that was not its notebook's does not come back as another: its cell says what to do."""
    notebook = lab.new(page, "from whisperer_kernel import Chat\n\nChat(new=True)")
    notebook.show_chat()
    notebook.save()
    notebook.restart_kernel()
    notebook.reload()
    expect(page.get_by_text("Run the cell to begin another.")).to_be_visible()


def test_notebook_opened_another_day_goes_on(lab: Lab, new_page: NewPage) -> None:
    """With a new kernel the notebook goes on with its conversation, also under another name; a copy has its own."""
    notebook = lab.new(new_page(), SHOW_CHAT)
    chat = notebook.show_chat()
    chat.ask("Remember aardvark.")
    expect(chat.text()).to_contain_text("aardvark")
    chat.expect_idle()
    notebook.rename("renamed.ipynb")
    chat = notebook.show_chat()
    expect(chat.articles).to_have_count(3)
    notebook.save()
    notebook.page.close()
    lab.shut_notebooks()
    shutil.copy(lab.folder / "work" / "renamed.ipynb", lab.folder / "work" / "copy.ipynb")
    next_day = lab.open(new_page(), "renamed.ipynb").show_chat()
    expect(next_day.articles).to_have_count(3)
    expect(next_day.text("You")).to_have_text("Remember aardvark.")
    copy = lab.open(new_page(), "copy.ipynb").show_chat()
    expect(copy.articles).to_have_count(INTRODUCED)


def test_two_tabs_show_one_conversation(lab: Lab, new_page: NewPage, provider: FakeProvider) -> None:
    """Two tabs on one notebook show the same conversation as it happens, whoever of them speaks."""
    path = lab.write(SHOW_CHAT)
    here = lab.open(new_page(), path)
    chat = here.show_chat()
    here.save()
    there = lab.open(new_page(), path)
    other = there.chat().ready()
    middle, end = in_three_parts(provider)
    chat.ask("Count.")
    expect(other.text("You")).to_have_text("Count.")
    middle.open()
    expect(other.text()).to_have_text("one two")
    end.open()
    expect(other.text()).to_have_text("one two three")
    other.switch_to("Tessa")
    expect(chat.radio("Tessa")).to_be_checked()
    other.ask("Test it.")
    expect(chat.text("Tessa")).to_have_text("The fake provider heard: Test it.")
    chat.expect_idle()
    other.expect_idle()
    assert chat.transcript() == other.transcript()


def test_two_chats_of_a_notebook_show_one_conversation(lab: Lab, page: Page) -> None:
    """A second chat in the same notebook, here inside a box, joins the conversation of the first."""
    boxed = "from ipywidgets import VBox\n\nVBox([Chat(height=300)])"
    notebook = lab.new(page, SHOW_CHAT, boxed)
    first = notebook.show_chat(0)
    first.ask("Hello, both.")
    expect(first.text()).to_contain_text("Hello, both.")
    second = notebook.show_chat(1)
    expect(second.articles).to_have_count(3)
    second.ask("And back.")
    expect(first.text()).to_contain_text("And back.")
    assert first.transcript() == second.transcript()


def test_killed_server_comes_back_with_the_conversation(page: Page, serve: Serve, provider: FakeProvider) -> None:
    """A server that is killed in mid-answer and started again has the conversation, and marks the turn interrupted."""
    page.add_locator_handler(page.locator(".jp-Dialog"), lambda dialog: dialog.get_by_text("Close").click())
    lab = serve(environ=settings(provider.url))
    chat = lab.new(page, SHOW_CHAT).show_chat()
    provider.script(Reply([*text("half an answer"), Act.HANG]))
    chat.ask("Tell me all.")
    expect(chat.text()).to_have_text("half an answer")
    until(lambda: any(b"half an answer" in part.read_bytes() for part in lab.store.parent.glob("sessions.db*")))
    lab.kill()
    expect(chat.connection).to_have_text("Reconnecting…")
    chat.ask("Said while nobody was there.")
    expect(chat.last("You")).to_contain_text("Will be sent when the connection is back")
    lab.start()
    chat.ready()
    expect(chat.connection).to_be_empty()
    interrupted = chat.by("Alice").nth(1)
    expect(interrupted).to_contain_text("half an answer")
    expect(interrupted).to_contain_text("Interrupted")
    expect(chat.text()).to_have_text("The fake provider heard: Said while nobody was there.")
    chat.box.fill("And now?")
    chat.send.click()
    expect(chat.text()).to_have_text("The fake provider heard: And now?")
    assert [author for author, _ in chat.transcript()] == ["Alice", "You", "Alice", "You", "Alice", "You", "Alice"]


def test_nothing_typed_while_reconnecting_is_lost(page: Page, serve: Serve, provider: FakeProvider) -> None:
    """Text in the box outlives a lost server and can be typed on; sent meanwhile, it arrives once."""
    page.add_locator_handler(page.locator(".jp-Dialog"), lambda dialog: dialog.get_by_text("Close").click())
    lab = serve(environ=settings(provider.url))
    chat = lab.new(page, SHOW_CHAT).show_chat()
    chat.box.press_sequentially("Begun before, ")
    lab.kill()
    expect(chat.connection).to_have_text("Reconnecting…")
    chat.box.press_sequentially("sent while away.")
    chat.box.press("Enter")
    chat.box.press_sequentially("Begun while away, ")
    lab.start()
    chat.ready()
    expect(chat.text()).to_have_text("The fake provider heard: Begun before, sent while away.")
    expect(chat.box).to_have_value("Begun while away, ")
    chat.box.press_sequentially("sent after.")
    chat.box.press("Enter")
    expect(chat.text()).to_have_text("The fake provider heard: Begun while away, sent after.")
    chat.expect_idle()
    assert [text for author, text in chat.transcript() if author == "You"] == [
        "Begun before, sent while away.",
        "Begun while away, sent after.",
    ]
    asked = [str(request.json["messages"][-1]["content"]) for request in provider.chats()]
    assert [text.count("sent while away") for text in asked] == [1, 0]
