"""A new user's first minutes: the quick start, no key, no network but the package index, the built-in model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import photograph, ready
from tests.browser.conftest import Serve
from tests.browser.lab import Chat, Lab
from whisperer_kernel.plans.cells import PATTERN

ROOT = Path(__file__).parents[2]
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
    badge.get_by_role("button", name="Choose another provider").click()
    expect(chat.region.get_by_role("button", name="Close")).to_be_visible()
    chat.region.get_by_role("button", name="Close").click()

    chat.log.evaluate(WATCH_GROWTH)
    chat.ask("What is a moving average good for? Answer in two sentences.")
    expect(chat.by("Alice")).to_have_count(2, timeout=FIRST_ANSWER_MS)
    chat.expect_idle()
    assert page.evaluate("() => window.lengths.size") > 5, "the answer did not grow"
    expect(chat.last()).to_contain_text("tokens")
    photograph(notebook, "chat", ("dark", "light"))

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


def allow(chat: Chat, question: str) -> None:
    """Say yes to what is asked."""
    expect(chat.permission).to_contain_text(question, timeout=FIRST_ANSWER_MS)
    chat.permission.get_by_role("button", name="Allow once").click()
    expect(chat.permission.get_by_text(question)).to_have_count(0)


@pytest.mark.embedded
@pytest.mark.timeout(600)
def test_plan_and_tests_without_a_key(new_users_lab: Lab, page: Page) -> None:
    """A plan by a pattern becomes cells, and a function of the notebook gets tests below it that run green."""
    notebook = new_users_lab.open(page, "quickstart.ipynb")
    notebook.run(FUNCTION_CELL)
    chat = ready(notebook, CHAT_CELL)
    before = notebook.sources

    chat.switch_to("Patricia")
    chat.ask("Plan an analysis of a year of sales in a CSV file.")
    allow(chat, "Patricia wants to insert")
    expect(chat.last("Patricia")).to_contain_text("is in the notebook")
    chat.expect_idle()
    kinds = [cell["metadata"].get("whisperer", {}).get("kind") for cell in notebook.cells]
    assert kinds[CHAT_CELL + 1] == "plan"
    assert kinds.count("step") == chat.region.get_by_role("article", name="Plan").get_by_role("checkbox").count() >= 1
    plan = notebook.sources[CHAT_CELL + 1]
    assert plan.startswith("# An analysis of a year of sales in a CSV file\n")
    assert plan.endswith(f"*{PATTERN}*")

    chat.switch_to("Tessa")
    chat.ask("Please write tests for moving_average.")
    allow(chat, "Tessa wants to call moving_average in a process of its own")
    allow(chat, "Tessa wants to insert a cell below the cell that defines moving_average")
    expect(chat.last("Tessa")).to_contain_text("They record what the code does today", timeout=FIRST_ANSWER_MS)
    chat.expect_idle()
    chat.region.get_by_role("article", name="Tests").get_by_role("button", name="Show in notebook").click()
    notebook.page.wait_for_function(
        "() => jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.source.startsWith('%%tests')"
    )
    place: int = notebook.do("return panel.content.activeCellIndex")
    assert "def moving_average" in notebook.sources[place - 1]
    page.keyboard.press("Shift+Enter")
    report = page.locator(f'.jp-Cell[data-windowed-list-index="{place}"] .jp-OutputArea-output').first
    expect(report).to_contain_text("passed", timeout=60_000)
    expect(report).not_to_contain_text("failed")
    assert [source for source in notebook.sources if source in before] == before
