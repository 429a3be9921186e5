"""The cells of a notebook whose page finds no Whisperer server: the plugin is asked by way of the kernel."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import (
    OTHER,
    PLAN,
    PLAN_SOURCES,
    calling,
    expect_end,
    expect_sources,
    in_front,
    in_mode,
    inserting,
    until,
)
from tests.browser.conftest import NEWER, OLD
from tests.browser.lab import SHOW_CHAT, Chat, Lab, Notebook
from tests.browser.test_panel import beside, command
from tests.fakes.provider import FakeProvider, Reply

ASK = "reply = await agents.ask('Plan it.')\nprint(reply.text)"
AGENTS = "from whisperer_kernel import Whisperer\n\nagents = Whisperer({})"
EDIT = "permit=lambda question: 'allow_once'"


@pytest.fixture
def notebook(bare_lab: Lab, page: Page) -> Notebook:
    """A new notebook with a chat."""
    return bare_lab.new(page, SHOW_CHAT, "after = 'the chat'")


def shown(notebook: Notebook) -> Chat:
    """The chat, as soon as it says that agents put cells in."""
    chat = notebook.show_chat()
    expect(chat.region).to_contain_text("Runs in this kernel (no Whisperer server: ")
    expect(chat.region).not_to_contain_text("put no cells in")
    return chat


def offered(notebook: Notebook, provider: FakeProvider) -> set[str]:
    """The tools that a model is offered when code asks it something."""
    notebook.run_code("await agents.ask('What can you do?')")
    return {tool["function"]["name"] for tool in provider.chats()[-1].json["tools"]}


def planned(notebook: Notebook) -> list[str]:
    """The sources of a notebook with a plan below its chat."""
    first, *rest = notebook.sources
    return [first, *PLAN_SOURCES, *rest]


def expect_plan_to_go_in(notebook: Notebook, chat: Chat, provider: FakeProvider) -> None:
    """Asked in the chat for a plan, the agent puts it below."""
    in_mode(chat, "edit")
    after = planned(notebook)
    inserting(provider)
    chat.ask("Plan it.")
    expect_sources(notebook, after)
    expect_end(chat)


def test_cells_go_below_the_chat_and_one_undo_takes_them_back(
    bare_lab: Lab, notebook: Notebook, provider: FakeProvider
) -> None:
    """With another notebook in front they go into the one that was asked, with their marks, and out by one undo."""
    chat = shown(notebook)
    in_mode(chat, "edit")
    before, after = notebook.sources, planned(notebook)
    inserting(provider)
    chat.ask("Plan it.")
    with in_front(bare_lab, notebook) as other:
        expect_sources(notebook, after)
        expect_sources(notebook, [OTHER], other)
    expect_end(notebook.chat())
    marks = [cell["metadata"]["whisperer"] for cell in notebook.cells[1:4]]
    assert [mark["kind"] for mark in marks] == ["plan", "step", "step"]
    notebook.undo()
    assert notebook.sources == before


def test_nothing_goes_in_without_a_yes(notebook: Notebook, provider: FakeProvider) -> None:
    """The person is asked in the chat, and not anywhere else; after a no nothing has changed."""
    chat = shown(notebook)
    before = notebook.sources
    calling(provider, "insert_cells", {"cells": PLAN}, then="Very well.")
    chat.ask("Plan it.")
    expect(chat.permission).to_be_visible()
    chat.permission.get_by_role("button", name="Deny").click()
    expect_end(chat, "Very well.")
    assert notebook.sources == before


def test_cells_while_another_cell_runs(notebook: Notebook, provider: FakeProvider) -> None:
    """Cells are put in while a cell sleeps in the kernel."""
    chat = shown(notebook)
    notebook.start(notebook.add("import time\ntime.sleep(600)"))
    expect_plan_to_go_in(notebook, chat, provider)
    notebook.interrupt()


def test_page_that_was_loaded_anew(notebook: Notebook, provider: FakeProvider) -> None:
    """After a reload of the page the plugin finds its way to the kernel again."""
    shown(notebook)
    notebook.save()
    notebook.reload()
    chat = notebook.chat().ready()
    expect_plan_to_go_in(notebook, chat, provider)


def test_kernel_that_was_restarted(notebook: Notebook, provider: FakeProvider) -> None:
    """After a restart, when the chat's cell is run again, cells go in again."""
    shown(notebook)
    notebook.restart_kernel()
    chat = shown(notebook)
    expect_plan_to_go_in(notebook, chat, provider)


def test_question_of_a_kernel_that_is_gone(notebook: Notebook, provider: FakeProvider) -> None:
    """A question that stood when the kernel was restarted can no longer be answered, and looks so."""
    chat = shown(notebook)
    inserting(provider)
    chat.ask("Plan it.")
    expect(chat.permission).to_be_visible()
    questions = chat.region.locator(".whisperer-permissions")
    expect(questions).to_have_js_property("inert", value=False)
    notebook.restart_kernel()
    expect(chat.problem).to_contain_text("Run the cell again")
    expect(questions).to_have_js_property("inert", value=True)


@pytest.mark.parametrize("kernel", ["python3", NEWER, OLD])
def test_code_in_a_cell_asks(bare_lab: Lab, page: Page, provider: FakeProvider, kernel: str) -> None:
    """What code asks for goes below its cell; without subshells one code cell does, when the cell has ended."""
    notebook = bare_lab.open(page, bare_lab.write(AGENTS.format(EDIT), ASK, "after = 'the cell'", kernel=kernel))
    notebook.run(0)
    if kernel != OLD:
        until(lambda: "notebook_outline" in offered(notebook, provider))
    inserting(provider)
    notebook.run(1)
    below = PLAN_SOURCES[-1:] if kernel == OLD else PLAN_SOURCES
    assert notebook.sources[2 : 2 + len(below)] == below
    assert notebook.sources[2 + len(below)] == "after = 'the cell'"


def test_panel_shows_the_kernels_conversation(bare_lab: Lab, page: Page, provider: FakeProvider) -> None:
    """The chat beside the notebook says what to do, and is there as soon as that was done; so after a restart."""
    notebook = bare_lab.new(page, "%load_ext whisperer_kernel", "second = 2")
    command(notebook, "open")
    chat = beside(page)
    expect(chat.problem).to_contain_text("%load_ext whisperer_kernel")
    notebook.run(0)
    expect(chat.ready().text()).to_contain_text("Hello, I am Alice.")
    provider.script(Reply.answer("From the kernel."))
    chat.ask("From where?")
    expect_end(chat, "From the kernel.")
    notebook.restart_kernel()
    expect(chat.problem).to_be_visible()
    notebook.run(0)
    expect(chat.ready().last()).to_contain_text("From the kernel.")
    in_mode(chat, "edit")
    inserting(provider)
    chat.ask("Plan it.")
    expect_end(chat)
    assert all(source in notebook.sources for source in PLAN_SOURCES)


def test_new_session_of_code_has_the_plugin(lab: Lab, page: Page, provider: FakeProvider) -> None:
    """With a server, too, cells of a session that is nobody's notebook's go below the cell that asks."""
    notebook = lab.new(page, AGENTS.format(f"new=True, {EDIT}"), ASK, "after = 'the cell'")
    notebook.run(0)
    first, second, third = notebook.sources
    inserting(provider)
    notebook.run(1)
    expect_sources(notebook, [first, second, *PLAN_SOURCES, third])
