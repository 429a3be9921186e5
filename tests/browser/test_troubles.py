"""What the user is told when the provider or the configuration is at fault."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import ready
from tests.browser.conftest import Serve
from tests.browser.lab import SHOW_CHAT, Chat, Notebook, settings
from tests.fakes.faults import FAULTS
from tests.fakes.provider import FakeProvider

TOLD = {
    "fault-401": ("The provider refused the key", "FAKE_PROVIDER_KEY"),
    "fault-402": ("The provider asks for credit", "Insufficient credits"),
    "fault-429-huge": ("Too many requests", "Try again in 24 h."),
    "fault-500": ("The provider has a fault", "500"),
    "fault-html": ("The provider's answer was not understood", "Welcome"),
    "fault-context": ("The conversation is too long for this model", "4096"),
    "fault-error-midstream": ("The provider broke off", "Upstream went away"),
}


@pytest.mark.parametrize("fault", TOLD)
def test_fault_of_the_provider_is_told_in_words(new_chat: Chat, provider: FakeProvider, fault: str) -> None:
    """What the provider does wrong is said in the reply's place, with a way to ask again, and the chat goes on."""
    title, detail = TOLD[fault]
    provider.script(FAULTS[fault]())
    new_chat.ask("Hello?")
    expect(new_chat.last()).to_contain_text(title)
    expect(new_chat.last()).to_contain_text(detail)
    expect(new_chat.last()).not_to_contain_text("sk-or-test")
    new_chat.expect_idle()
    new_chat.last().get_by_role("button", name="Ask again").click()
    expect(new_chat.text()).to_contain_text("The fake provider heard: Hello?")


def test_cut_stream_is_marked(new_chat: Chat, provider: FakeProvider) -> None:
    """A reply that the provider breaks off keeps its text and says that it may be incomplete."""
    provider.script(FAULTS["fault-reset"]())
    new_chat.ask("Hello?")
    expect(new_chat.last()).to_contain_text("Interrupted")
    expect(new_chat.text()).to_have_text("half an answer")


def test_what_was_cut_off_is_asked_again(notebook: Notebook, provider: FakeProvider) -> None:
    """By keyboard the last message goes once more, with what it brought along, to the agent who was asked."""
    chat = ready(notebook)
    notebook.add("answer = 42")
    provider.script(FAULTS["fault-reset"]())
    chat.box.press_sequentially("@cell")
    expect(chat.region.get_by_role("listbox", name="Completions")).to_be_visible()
    chat.box.press("Enter")
    chat.box.press_sequentially(": why?")
    chat.box.press("Enter")
    expect(chat.last()).to_contain_text("Interrupted")
    chat.expect_idle()
    chat.switch_to("Tessa")
    chat.last().get_by_role("button", name="Ask again").press("Enter")
    expect(chat.box).to_be_focused()
    expect(chat.text("You")).to_have_text("@alice cell 2: why?")
    expect(chat.last()).to_contain_text("The fake provider heard: ")
    chat.expect_idle()
    expect(chat.by("You").locator(".whisperer-chip")).to_have_count(2)
    expect(chat.log.get_by_role("button", name="Ask again")).to_have_count(0)
    for request in provider.chats()[-2:]:
        asked = request.json["messages"][-1]["content"]
        assert asked.startswith("cell 2: why?")
        assert "answer = 42" in asked


def test_unreachable_provider_is_told(page: Page, serve: Serve) -> None:
    """Where nobody answers at the provider's address, the chat says so."""
    with FakeProvider() as gone:
        url = gone.url
    chat = serve(environ=settings(url)).new(page, SHOW_CHAT).show_chat()
    chat.ask("Hello?")
    expect(chat.last()).to_contain_text("The provider cannot be reached")
    chat.expect_idle()


def test_wrong_setting_is_told_and_stops_nothing_else(page: Page, serve: Serve) -> None:
    """A misspelt setting is named in the chat, with file and line; JupyterLab works as ever."""
    notebook = serve(settings="provider:\n  modle: gpt\n").new(page, SHOW_CHAT)
    assert notebook.run_code("print(6 * 7)") == "42"
    notebook.run()
    chat = notebook.chat()
    expect(chat.problem).to_contain_text("config.yaml")
    expect(chat.problem).to_contain_text("modle")
    expect(chat.problem.get_by_role("button", name="Try again")).to_be_visible()
    assert notebook.run_code("print(6 * 7)") == "42"


def test_scripted_replies_are_marked_as_a_demo(page: Page, serve: Serve) -> None:
    """Without any model, scripted replies answer, and the chat never lets one forget it."""
    chat = serve(environ={"WHISPERER_PROVIDER__NAME": "scripted"}).new(page, SHOW_CHAT).show_chat()
    expect(chat.provider).to_have_text("Scripted replies · scripted")
    expect(chat.region.locator(".whisperer-badge")).to_contain_text("scripted replies: no model answers")
    expect(chat.region.get_by_text("built-in demo model")).to_have_count(0)
    chat.ask("Who are you?")
    expect(chat.text()).to_contain_text("I am a scripted reply, no model is at work. You said: Who are you?")
