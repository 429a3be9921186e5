"""Choosing who answers, in the chat."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Serve
from tests.browser.judging import violations
from tests.browser.lab import SHOW_CHAT, Chat, Notebook, settings
from tests.fakes.provider import FakeProvider

KEY = "sk-or-v1-abcdefghijklmnop0123456789"


@pytest.fixture
def notebook(page: Page, serve: Serve, provider: FakeProvider) -> Notebook:
    """A chat whose OpenRouter is the fake provider and has no key yet; an Ollama of the fake's runs beside it."""
    lab = serve(
        environ={
            **settings(provider.url, PROVIDER__NAME="openrouter", PROVIDER__API_KEY_ENV="ENTERED_KEY"),
            "OLLAMA_HOST": f"127.0.0.1:{provider.port}",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
    )
    return lab.new(page, SHOW_CHAT)


def open_panel(chat: Chat) -> Locator:
    """The panel in which a provider is chosen, with what there is to choose."""
    chat.region.get_by_role("button", name="Choose a provider").click()
    panel = chat.region.get_by_role("dialog", name="Choose a provider")
    expect(panel.get_by_role("radio")).to_have_count(5)
    return panel


def test_a_key_is_entered_and_another_provider_chosen(notebook: Notebook, provider: FakeProvider) -> None:
    """From "needs a key" to an answer, and from OpenRouter to Ollama; the key stays nowhere in page or notebook."""
    chat = notebook.show_chat()
    expect(chat.region).to_contain_text("OpenRouter needs a key")
    panel = open_panel(chat)
    result = panel.get_by_role("status", name="Result")
    panel.get_by_role("radio", name="OpenRouter").check()
    panel.get_by_role("textbox", name="Key").fill(KEY)
    panel.get_by_role("button", name="Test connection").click()
    expect(result).to_have_text("OpenRouter answers, and has fake-model.")
    panel.get_by_role("button", name="Use this provider").click()
    expect(result).to_have_text("OpenRouter answers from the next message on.")
    expect(chat.provider).to_have_text("OpenRouter · fake-model")
    expect(panel.get_by_role("textbox", name="Key")).to_have_value("")
    panel.get_by_role("button", name="Close").click()
    expect(chat.region.get_by_role("button", name="Choose a provider")).to_be_focused()
    chat.ask("Hello")
    expect(chat.text()).to_have_text("The fake provider heard: Hello")
    assert provider.requests[-1].headers["authorization"] == f"Bearer {KEY}"

    panel = open_panel(chat)
    panel.get_by_role("radio", name="Ollama").check()
    panel.get_by_role("combobox", name="Model").fill("fake-model")
    panel.get_by_role("button", name="Use this provider").click()
    expect(chat.provider).to_have_text("Ollama · fake-model")
    panel.press("Escape")
    chat.ask("And you?")
    expect(chat.text()).to_have_text("The fake provider heard: And you?")
    assert "authorization" not in provider.requests[-1].headers

    notebook.save()
    assert KEY not in notebook.page.content()
    assert KEY not in str(
        notebook.page.evaluate("() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
    )
    assert KEY not in notebook.run_code("import os; print(dict(os.environ))")


def test_what_is_wrong_with_a_provider_is_said(notebook: Notebook) -> None:
    """A provider that is not there, one without a key, a key that is none: in words, and nothing has changed."""
    chat = notebook.show_chat()
    panel = open_panel(chat)
    result = panel.get_by_role("status", name="Result")
    panel.get_by_role("radio", name="LM Studio").check()
    panel.get_by_role("button", name="Test connection").click()
    expect(result).to_contain_text("LM Studio")
    expect(result).to_have_attribute("data-wrong", "")
    panel.get_by_role("radio", name="OpenAI").check()
    panel.get_by_role("button", name="Use this provider").click()
    expect(result).to_contain_text("OpenAI needs a key")
    panel.get_by_role("textbox", name="Key").fill("kéy")
    panel.get_by_role("button", name="Use this provider").click()
    expect(result).to_contain_text("was it copied whole?")
    expect(chat.region).to_contain_text("OpenRouter needs a key")


def test_the_panel_is_laid_out_as_a_form(notebook: Notebook) -> None:
    """The form is a grid with space around it, below one another stand its rows, and its words are not links."""
    panel = open_panel(notebook.show_chat())
    look = """form => {
        const {display, paddingTop, paddingLeft, textDecorationLine, backgroundColor} = getComputedStyle(form);
        const label = getComputedStyle(form.querySelector('.whisperer-offers label'));
        return [display, parseFloat(paddingTop) > 4, parseFloat(paddingLeft) > 4, textDecorationLine,
            label.textDecorationLine, backgroundColor === 'rgba(0, 0, 0, 0)', label.cursor === 'pointer'];
    }"""
    assert panel.evaluate(look) == ["grid", True, True, "none", "none", False, False]
    tops = panel.evaluate("form => [...form.children].filter(row => row.offsetHeight).map(row => row.offsetTop)")
    assert tops == sorted(set(tops))


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_panel_can_be_used_by_everybody(notebook: Notebook, theme: str, tmp_path: Path) -> None:
    """By keyboard alone, and axe finds nothing serious."""
    notebook.set_theme(theme)
    chat = notebook.show_chat()
    chat.region.get_by_role("button", name="Choose a provider").focus()
    notebook.page.keyboard.press("Enter")
    panel = chat.region.get_by_role("dialog", name="Choose a provider")
    expect(panel.get_by_role("radio", name="OpenRouter")).to_be_focused()
    notebook.page.keyboard.press("ArrowDown")
    expect(panel.get_by_role("radio", name="OpenAI")).to_be_checked()
    notebook.page.screenshot(path=tmp_path / "panel.png")
    assert violations(notebook) == []
    notebook.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(chat.region.get_by_role("button", name="Choose a provider")).to_be_focused()
