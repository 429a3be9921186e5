"""Cells go into the notebook where they were asked for, whoever else shows it or shares its kernel."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import PLAN, PLAN_SOURCES, expect_end, expect_sources, in_mode, inserting, until
from tests.browser.conftest import NewPage
from tests.browser.lab import SHOW_CHAT, Lab, Notebook
from tests.browser.test_cells_by_kernel import AGENTS, ASK, EDIT, offered
from tests.fakes.provider import FakeProvider, Reply

AFTER = "after = 'the cell'"


@pytest.fixture(params=["lab", "bare_lab"], ids=["server", "kernel"])
def place(request: pytest.FixtureRequest) -> Lab:
    """JupyterLab, with Whisperer on its server and without."""
    found: Lab = request.getfixturevalue(request.param)
    return found


def know_each_other(notebook: Notebook, provider: FakeProvider) -> None:
    """Wait until code of this notebook is offered what the plugin does."""
    until(lambda: "notebook_outline" in offered(notebook, provider), timeout=30)


def share_kernel(notebook: Notebook, lab: Lab, page: Page) -> Notebook:
    """Another notebook of the same kernel, in another tab of JupyterLab in this page; it lies in front."""
    other = lab.write("other = 1")
    kernel = notebook.do("return panel.sessionContext.session.kernel.id")
    notebook.do("await jupyterapp.commands.execute('docmanager:open', {path: value})", other)
    page.wait_for_function("path => jupyterapp.shell.currentWidget?.context?.path === path", arg=other)
    notebook.wait_until_ready()
    shared = Notebook(page, other)
    shared.do("await panel.sessionContext.changeKernel({id: value})", kernel)
    shared.wait_until_ready()
    return shared


def test_code_in_one_of_two_pages(place: Lab, new_page: NewPage, provider: FakeProvider) -> None:
    """Cells that code asks for come in the page where it was run, and not in the one that was opened last."""
    path = place.write(AGENTS.format(EDIT), ASK, AFTER)
    first = place.open(new_page(), path)
    first.run(0)
    second = place.open(new_page(), path)
    know_each_other(first, provider)
    there = second.sources
    first.page.bring_to_front()
    before = first.sources
    inserting(provider)
    first.run(1)
    assert first.sources == [*before[:2], *PLAN_SOURCES, *before[2:]]
    assert second.sources == there


def test_chat_of_one_of_two_notebooks(place: Lab, page: Page, provider: FakeProvider) -> None:
    """Of two notebooks that share a kernel the one whose chat was asked gets the cells, not the one in front."""
    notebook = place.new(page, SHOW_CHAT, AFTER)
    chat = notebook.show_chat()
    expect(chat.region).to_have_attribute("data-notebook", "")
    in_mode(chat, "edit")
    gate = provider.gate()
    calls = Reply.tools(("call-1", "insert_cells", {"cells": PLAN}))
    provider.script(Reply([gate, *calls.steps]), Reply.answer("All done."))
    chat.ask("Plan it.")
    share_kernel(notebook, place, page)
    gate.open()
    expect_sources(notebook, [SHOW_CHAT, *PLAN_SOURCES, AFTER])


def test_page_without_the_notebook(bare_lab: Lab, new_page: NewPage, provider: FakeProvider) -> None:
    """A page that has nothing but a console on the kernel takes the plugin's way from nobody."""
    notebook = bare_lab.new(new_page(), AGENTS.format(EDIT), ASK, AFTER)
    elsewhere = bare_lab.new(new_page(), "1")
    kernel = notebook.do("return panel.sessionContext.session.kernel.id")
    elsewhere.do(
        "await jupyterapp.commands.execute('console:create', {path: '', kernelPreference: {id: value}})", kernel
    )
    elsewhere.page.wait_for_selector(".jp-CodeConsole")
    notebook.run(0)
    know_each_other(notebook, provider)
    before = notebook.sources
    inserting(provider)
    notebook.run(1)
    assert notebook.sources == [*before[:2], *PLAN_SOURCES, *before[2:]]


def test_notebook_that_was_closed_in_another_page(bare_lab: Lab, new_page: NewPage, provider: FakeProvider) -> None:
    """Where a notebook was closed nobody is asked any more."""
    path = bare_lab.write(SHOW_CHAT)
    notebook = bare_lab.open(new_page(), path)
    chat = notebook.show_chat()
    in_mode(chat, "edit")
    second = bare_lab.open(new_page(), path)
    second.do("panel.dispose()")
    notebook.page.bring_to_front()
    inserting(provider)
    chat.ask("Plan it.")
    expect_sources(notebook, [SHOW_CHAT, *PLAN_SOURCES])
    expect_end(chat)
