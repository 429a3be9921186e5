"""The same chat in Notebook 7."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.lab import SHOW_CHAT, Lab
from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text


def test_conversation_in_notebook_7(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """In Notebook 7 the agents greet, stream and switch as in JupyterLab, and a reload keeps the conversation."""
    gate = provider.gate()
    provider.script(Reply([*text("Here "), gate, *text("too."), *finish(), DONE]))
    notebook = lab.open_notebook7(page, lab.write(SHOW_CHAT))
    chat = notebook.show_chat()
    expect(chat.text()).to_contain_text("Hello, I am Alice.")
    chat.ask("Are you here?")
    expect(chat.text()).to_have_text("Here")
    gate.open()
    expect(chat.text()).to_have_text("Here too.")
    chat.switch_to("Patricia")
    expect(chat.text("Patricia")).to_contain_text("Hello, I am Patricia.")
    chat.box.press_sequentially("ddb")
    assert notebook.sources == [SHOW_CHAT]
    chat.box.fill("")
    notebook.save()
    notebook.reload()
    expect(chat.articles).to_have_count(4)
