"""What tests of tools have in common: what the model asks for, how a chat stands, pictures for the documentation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.lab import Chat, Lab, Notebook
from tests.fakes.provider import DONE, FakeProvider, Gate, Reply, finish, text

PLAN: list[dict[str, Any]] = [
    {"type": "markdown", "source": "# Plan\n\n- [ ] read\n- [ ] add", "kind": "plan"},
    {"type": "markdown", "source": "## Read", "kind": "step"},
    {"type": "code", "source": "answer = 6 * 7\nprint(answer)", "kind": "step"},
]
PLAN_SOURCES = [cell["source"] for cell in PLAN]
OTHER = "'the other notebook'"
PICTURES = Path(__file__).parents[2] / "docs/screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def calling(provider: FakeProvider, tool: str, arguments: dict[str, Any], then: str = "All done.") -> None:
    """The model's next answer calls this tool, and the one after it says ``then``."""
    provider.script(Reply.tools(("call-1", tool, arguments)), Reply.answer(then))


def inserting(provider: FakeProvider, **arguments: Any) -> None:
    """The model's next answer asks for the plan's cells, and the one after it says that it is done."""
    calling(provider, "insert_cells", {"cells": PLAN, **arguments})


def tool_results(provider: FakeProvider) -> list[str]:
    """What the model was told last of its tool calls."""
    messages = provider.chats()[-1].json["messages"]
    return [message["content"] for message in messages if message["role"] == "tool"]


def ready(notebook: Notebook, index: int = 0) -> Chat:
    """The chat, as soon as the plugin carries its session's tools out."""
    chat = notebook.show_chat(index)
    expect(chat.region).to_have_attribute("data-notebook", "")
    return chat


def in_mode(chat: Chat, mode: str) -> None:
    """Choose what tools are permitted without asking."""
    chat.mode.select_option(mode)
    expect(chat.mode).to_be_enabled()
    expect(chat.mode).to_have_value(mode)


def expect_end(chat: Chat, words: str = "All done.", agent: str = "Alice") -> None:
    """Wait until the agent has said so, and no turn runs."""
    expect(chat.last(agent)).to_contain_text(words)
    chat.expect_idle()


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Wait for what no page shows."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@contextmanager
def in_front(lab: Lab, notebook: Notebook) -> Iterator[str]:
    """Another notebook's tab lies before this one's; its path."""
    other = lab.write(OTHER)
    _bring_up(notebook, other)
    notebook.wait_until_ready()
    yield other
    _bring_up(notebook, notebook.path)


def expect_sources(notebook: Notebook, sources: Sequence[str], path: str = "") -> None:
    """Wait until a notebook in any tab of JupyterLab, this one where no other is named, has these cells."""
    notebook.page.wait_for_function(
        """([path, sources]) => [...jupyterapp.shell.widgets('main')].some(({context, content}) => {
            if (context?.path !== path) return false;
            const there = Array.from(content.model.cells, cell => cell.sharedModel.source);
            return JSON.stringify(there) === JSON.stringify(sources);
        })""",
        arg=[path or notebook.path, list(sources)],
    )


def photograph(notebook: Notebook, name: str, themes: Sequence[str] = ("light",)) -> None:
    """Pictures for the documentation, where they are wanted: ``name-theme.png``, the files at the left put away."""
    if not os.environ.get("WHISPERER_SCREENSHOTS"):
        return
    PICTURES.mkdir(exist_ok=True)
    if notebook.page.locator("#filebrowser").is_visible():
        notebook.do("await jupyterapp.commands.execute('application:toggle-left-area')")
    for theme in themes:
        notebook.set_theme(THEMES[theme])
        notebook.page.screenshot(path=PICTURES / f"{name}-{theme}.png")
    notebook.set_theme(THEMES["light"])


def _bring_up(notebook: Notebook, path: str) -> None:
    notebook.do("await jupyterapp.commands.execute('docmanager:open', {path: value})", path)
    notebook.page.wait_for_function("path => jupyterapp.shell.currentWidget?.context?.path === path", arg=path)


def in_three_parts(provider: FakeProvider) -> tuple[Gate, Gate]:
    """The next reply is "one two three"; a gate stands before each of the last two words."""
    gates = (provider.gate(), provider.gate())
    one, two, three = text("one ", "two ", "three")
    provider.script(Reply([one, gates[0], two, gates[1], three, *finish(), DONE]))
    return gates


def reloaded_in_mid_answer(notebook: Notebook, provider: FakeProvider) -> list[str]:
    """Reloads the page while an answer comes, and waits until it is whole; whose messages are then there, in order."""
    chat = notebook.show_chat()
    while_away, then = in_three_parts(provider)
    chat.ask("Count.")
    expect(chat.text()).to_have_text("one")
    notebook.save()
    notebook.page.once("domcontentloaded", lambda _: while_away.open())
    notebook.reload()
    expect(chat.text()).to_have_text("one two")
    expect(chat.stop).to_be_visible()
    then.open()
    expect(chat.text()).to_have_text("one two three")
    chat.expect_idle()
    return [author for author, _ in chat.transcript()]
