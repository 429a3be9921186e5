"""A new user's first minutes: the quick start, no key, no network but the package index, the built-in model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve
from tests.browser.lab import Lab, Notebook

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "screenshots"
CHAT_CELL, FUNCTION_CELL = 1, 3
FIRST_ANSWER_MS = 180_000
WATCH_GROWTH = """log => {
  window.lengths = new Set();
  const watch = new MutationObserver(() => window.lengths.add(log.textContent.length));
  watch.observe(log, {childList: true, characterData: true, subtree: true});
}"""


@pytest.fixture
def new_users_lab(serve: Serve) -> Lab:
    """JupyterLab with nothing set."""
    lab = serve()
    shutil.copy(ROOT / "notebooks" / "quickstart.ipynb", lab.folder / "work")
    return lab


def photograph(notebook: Notebook) -> None:
    """Pictures for the documentation, in both themes."""
    notebook.do("await jupyterapp.commands.execute('application:toggle-left-area')")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme, name in {"JupyterLab Dark": "chat-dark", "JupyterLab Light": "chat-light"}.items():
        notebook.set_theme(theme)
        notebook.page.screenshot(path=PICTURES / f"{name}.png")


@pytest.mark.embedded
@pytest.mark.timeout(400)
def test_quick_start_without_a_key(new_users_lab: Lab, page: Page) -> None:
    """Without any key the built-in model answers for all three agents, can be stopped, and is marked as a demo."""
    notebook = new_users_lab.open(page, "quickstart.ipynb")
    notebook.run(FUNCTION_CELL)
    chat = notebook.show_chat(CHAT_CELL)
    expect(chat.text()).to_contain_text("Hello, I am Alice.")
    expect(chat.provider).to_contain_text("Built-in demo model · SmolLM2-135M-Instruct")
    badge = chat.region.get_by_text("built-in demo model, often wrong")
    expect(badge).to_be_visible()

    chat.log.evaluate(WATCH_GROWTH)
    chat.ask("What is a moving average good for? Answer in two sentences.")
    expect(chat.by("Alice")).to_have_count(2, timeout=FIRST_ANSWER_MS)
    chat.expect_idle()
    assert page.evaluate("() => window.lengths.size") > 5, "the answer did not grow"
    expect(chat.last()).to_contain_text("tokens")
    if os.environ.get("WHISPERER_SCREENSHOTS"):
        photograph(notebook)

    chat.switch_to("Patricia")
    chat.ask("How do I check that a table of visitors is complete?")
    expect(chat.by("Patricia")).to_have_count(2, timeout=60_000)
    expect(chat.text("Patricia")).not_to_be_empty()
    chat.stop.click()
    chat.expect_idle()

    chat.switch_to("Tessa")
    chat.ask("What do you look for in a function that takes a list?")
    expect(chat.by("Tessa")).to_have_count(2, timeout=60_000)
    expect(chat.send).to_be_visible(timeout=60_000)
    expect(badge).to_be_visible()
