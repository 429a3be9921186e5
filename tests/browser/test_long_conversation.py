"""A long conversation is all there, and no heavier than what is seen of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve
from tests.browser.lab import SHOW_CHAT

SAID = "Hello! I am a scripted reply, no model is at work. You said: {}"
PATIENCE_MS = 300_000
# A client of the page's own that asks, and asks again as soon as it is answered.
ASK = """([kernelId, turns]) => new Promise((done, failed) => {
    const config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
    const socket = new WebSocket(`ws://${location.host}${config.baseUrl}whisperer/ws?token=${config.token ?? ''}`);
    const request = (id, method, params) => socket.send(JSON.stringify({jsonrpc: '2.0', id, method, params}));
    let sessionId;
    let sent = 0;
    const next = () => {
        if (sent === turns) { socket.close(); done(sessionId); }
        else request(++sent, 'sendUserMessage', {sessionId, message: `Question **${sent}**`});
    };
    socket.onopen = () => request('start', 'startSession', {sessionParams: {kernelId}});
    socket.onerror = () => failed(new Error('no connection'));
    socket.onmessage = ({data}) => {
        const {id, result, error, method, params} = JSON.parse(data);
        if (error) failed(new Error(error.message));
        else if (id === 'start') { sessionId = result.sessionId; next(); }
        else if (method === 'AIMessageChunkNotification' && params.isFinal && sent) next();
    };
})"""
RENDERED = "rows => rows.filter(row => row.querySelector('.whisperer-text strong')).length"
IN_VIEW = """([log, row]) => {
    const [outer, inner] = [log.getBoundingClientRect(), row.getBoundingClientRect()];
    return inner.bottom > outer.top && inner.top < outer.bottom;
}"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("turns", [200, pytest.param(1_000, marks=pytest.mark.soak)])
def test_long_conversation(page: Page, serve: Serve, turns: int) -> None:
    """All of them are there, the end is seen, only what is near is rendered, and a further reply streams."""
    lab = serve(environ={"WHISPERER_PROVIDER__NAME": "scripted"})
    notebook = lab.new(page, SHOW_CHAT)
    page.set_default_timeout(PATIENCE_MS)
    notebook.do(f"await ({ASK})([kernel().id, value])", turns)
    chat = notebook.show_chat()
    expect(chat.articles).to_have_count(2 * turns + 1, timeout=PATIENCE_MS)
    expect(chat.text()).to_contain_text(f"Question {turns}")
    replies = chat.by("Alice")
    log, last, first = (
        chat.log.element_handle(),
        chat.articles.last.element_handle(),
        chat.articles.first.element_handle(),
    )
    page.wait_for_function(IN_VIEW, arg=[log, last])
    assert 0 < replies.evaluate_all(RENDERED) < 75
    expect(replies.nth(turns // 2)).to_contain_text(f"Question **{turns // 2}**")

    chat.log.evaluate("log => { log.scrollTop = 0; }")
    page.wait_for_function(IN_VIEW, arg=[log, first])
    expect(replies.nth(1).locator(".whisperer-text strong")).to_have_text("1")
    expect(replies.nth(1).locator(".whisperer-text")).to_have_text(SAID.format("Question 1"))
    assert replies.evaluate_all(RENDERED) < 150
    expect(chat.region.get_by_role("button", name="Latest message")).to_be_visible()

    chat.ask("One **more**.")
    expect(chat.articles).to_have_count(2 * turns + 3)
    expect(chat.text()).to_contain_text("One more.")
    page.wait_for_function(IN_VIEW, arg=[log, chat.articles.last.element_handle()])
    expect(chat.region.get_by_role("button", name="Latest message")).to_be_hidden()
