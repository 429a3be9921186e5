"""Stop while an agent waits for an answer: nothing has failed, and what was made is there."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.asking import ready
from tests.browser.lab import SHOW_CHAT, Notebook
from tests.fakes.provider import FakeProvider, Reply

STEP = {"title": "Load the file", "what": "Read it.", "check": "len(sales) > 0"}
PLAN = {"title": "Clean sales", "goal": "Every row has an amount.", "steps": [STEP]}


def test_stop_instead_of_an_answer(notebook: Notebook, provider: FakeProvider) -> None:
    """The cards read "Stopped", the plan stands in the chat, and the reply says that it is not in the notebook."""
    chat = ready(notebook)
    chat.switch_to("Patricia")
    provider.script(Reply.tools(("call-1", "make_plan", PLAN)), Reply.answer("Never."))
    chat.ask("Plan it.")
    expect(chat.permission).to_be_visible()
    chat.stop.click()
    chat.expect_idle()
    reply = chat.last("Patricia")
    expect(reply).to_contain_text("The plan “Clean sales” was made; it is not in the notebook.")
    cards = reply.locator(".whisperer-tool")
    expect(cards).to_have_count(2)
    for card in cards.all():
        expect(card.locator("summary")).to_contain_text("Stopped")
        expect(card.locator("summary")).not_to_contain_text("Failed")
    expect(chat.log.get_by_role("article", name="Plan")).to_contain_text("Load the file")
    assert notebook.sources == [SHOW_CHAT]
