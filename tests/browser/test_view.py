"""What the chat shows, and where its parts stand."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab import Notebook


def test_two_chats_in_a_page_show_the_same_agent(notebook: Notebook) -> None:
    """Two chats of one conversation both show who answers, also after a switch in one of them."""
    chat = notebook.show_chat()
    notebook.run_code("Chat()")
    other = notebook.chat(1).ready()
    for each in (chat, other):
        expect(each.radio("Alice")).to_be_checked()
    other.switch_to("Tessa")
    expect(chat.radio("Tessa")).to_be_checked()


def test_faces_need_no_font(notebook: Notebook) -> None:
    """The shipped agents have drawings of ours; other symbols are shown where this machine can draw them."""
    chat = notebook.show_chat()
    faces = chat.agents.locator(".whisperer-avatar")
    expect(faces).to_have_count(3)
    assert (
        faces.evaluate_all("all => all.map(one => [one.textContent, one.querySelectorAll('svg').length])")
        == [["", 1]] * 3
    )
