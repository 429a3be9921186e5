"""What the chat shows, and where its parts stand."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab import Chat, Notebook
from tests.fakes.provider import FakeProvider, Reply


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


def test_reload_paints_once(notebook: Notebook, provider: FakeProvider) -> None:
    """After a reload the conversation comes as it is: nothing of it is shown as if it were just being said."""
    chat = notebook.show_chat()
    provider.script(Reply.answer("word " * 300))
    chat.ask("Many words.")
    expect(chat.text()).to_contain_text("word")
    chat.expect_idle()
    notebook.save()
    notebook.page.add_init_script(
        """window.seen = {running: 0, heights: new Set()};
        new MutationObserver(() => {
            const under_way = '.whisperer-running, .whisperer-pending, [aria-label="Stop"]';
            if (document.querySelector(under_way)) seen.running += 1;
            const head = document.querySelector('.whisperer-head');
            if (head?.offsetHeight) seen.heights.add(head.offsetHeight);
        }).observe(document, {subtree: true, childList: true, attributes: true});""",
    )
    notebook.reload()
    expect(chat.articles).to_have_count(3)
    chat.expect_idle()
    assert notebook.page.evaluate("[seen.running, seen.heights.size]") == [0, 1]


def test_code_with_nothing_in_it_offers_nothing(chat: Chat, provider: FakeProvider) -> None:
    """An empty block of code has no buttons; the mode has a name that is seen."""
    provider.script(Reply.answer("Empty:\n\n```python\n```\n\nFull:\n\n```python\nx = 1\n```\n"))
    chat.ask("Both.")
    blocks = chat.last().locator(".whisperer-code")
    expect(blocks).to_have_count(2)
    chat.expect_idle()
    expect(blocks.first.get_by_role("button")).to_have_count(0)
    expect(blocks.last.get_by_role("button", name="Copy code")).to_be_visible()
    expect(chat.region.locator(".whisperer-mode").get_by_text("Mode", exact=True)).to_be_visible()
