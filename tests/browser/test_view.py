"""What the chat shows, and where its parts stand."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.asking import calling, ready
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


def test_answers_to_commands_keep_their_lines(chat: Chat) -> None:
    """Several lines stand below one another; a long answer scrolls in a box of its own and can be copied whole."""
    for _ in range(3):
        chat.ask("A question of some length, so that there is something to export.\n" + "word " * 80)
        expect(chat.last()).to_contain_text("The fake provider heard: A question")
        chat.expect_idle()
    chat.ask("/help")
    answers = chat.by("Whisperer")
    expect(answers.last).to_contain_text("/export")
    lines = answers.last.locator(".whisperer-lines").evaluate("box => [box.textContent, box.clientHeight]")
    assert lines[1] > 15 * lines[0].count("\n")
    chat.ask("/export json")
    expect(answers).to_have_count(2)
    document = answers.last.locator("pre")
    room = document.evaluate("pre => [pre.clientHeight, pre.scrollHeight, getComputedStyle(pre).whiteSpace]")
    assert room[0] <= 220 < room[1]
    assert room[2] == "pre-wrap"
    answers.last.get_by_role("button", name="Copy the answer").click()
    expect(answers.last).to_contain_text("Copied")
    assert json.loads(document.text_content() or "")


def test_a_question_has_one_area_that_scrolls_at_most(notebook: Notebook, provider: FakeProvider) -> None:
    """Beside a short preview there is no scroll bar, and a long one scrolls in itself alone."""
    chat = ready(notebook)
    scrolling = """() => [...document.querySelectorAll('.whisperer-permissions, .whisperer-permissions *')]
        .filter(({scrollHeight, clientHeight}) => scrollHeight > clientHeight && clientHeight > 0)
        .filter(one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowY)).map(({className}) => className)"""
    for count, expected in ((1, []), (40, ["whisperer-preview"])):
        cell = {"type": "code", "source": "\n".join(f"value_{number} = {number}" for number in range(count + 3))}
        calling(provider, "insert_cells", {"cells": [cell] * count})
        chat.ask("Insert.")
        expect(chat.permission).to_contain_text("value_3")
        assert chat.region.page.evaluate(scrolling) == expected
        chat.permission.get_by_role("button", name="Deny").click()
        expect(chat.permission.get_by_role("button", name="Deny")).to_have_count(0)
        chat.expect_idle()


def test_the_foot_has_one_baseline(chat: Chat) -> None:
    """The mode's name, its choice and the hint beside them stand on one line."""
    chat.box.focus()
    boxes = [chat.region.locator(part).bounding_box() for part in (".whisperer-mode > span", ".whisperer-hint")]
    tops = [box["y"] + box["height"] for box in boxes if box]
    assert len(tops) == 2
    assert abs(tops[0] - tops[1]) < 1.5
