"""A browser, a fake provider and one JupyterLab for all tests that need no other; pictures and logs of what failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.lab import SHOW_CHAT, Chat, Lab, Notebook, settings
from tests.fakes.provider import FakeProvider
from tests.notebook.foreign_kernels import install_ours

expect.set_options(timeout=20_000)

DEBIANS = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
LOG_CHARS = 4_000

SHOW_NEW_CHAT = "from whisperer_kernel import Chat\n\nChat(new=True)"

Serve = Callable[..., Lab]
NewPage = Callable[[], Page]


class Evidence:
    """What a failed test leaves behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.labs: list[Lab] = []
        self.tabs: list[tuple[Page, list[str]]] = []

    def watch(self, page: Page) -> None:
        """Keep this tab's console."""
        lines: list[str] = []
        page.on("console", lambda message: lines.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: lines.append(f"uncaught: {error}"))
        self.tabs.append((page, lines))

    def sections(self) -> Iterator[tuple[str, str]]:
        """The sections of the report."""
        for number, (page, console) in enumerate(self.tabs):
            if not page.is_closed():
                picture = self.folder / f"tab-{number}.png"
                page.screenshot(path=picture)
                yield f"tab {number}", f"{picture}\n" + "\n".join(console)[-LOG_CHARS:]
        for lab in self.labs:
            yield f"log of {lab.url}", lab.log[-LOG_CHARS:]


EVIDENCE = pytest.StashKey[Evidence]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add pictures and logs to the report of what failed."""
    report = yield
    evidence = item.stash.get(EVIDENCE, None)
    if evidence is not None and report.failed and call.when != "teardown":
        report.sections.extend(evidence.sections())
    return report


@pytest.fixture
def evidence(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Where this test's pictures and logs come from."""
    evidence = Evidence(tmp_path_factory.mktemp(re.sub(r"\W+", "-", request.node.name)))
    request.node.stash[EVIDENCE] = evidence
    return evidence


@pytest.fixture
def jp_asyncio_loop() -> None:
    """No loop for tests in this folder: the one of Playwright's synchronous API runs in this thread already."""


@pytest.fixture
def jp_server_cleanup() -> None:
    """Nothing to clean up: servers run in processes of their own."""


# Not for the whole session: while Playwright's synchronous API is open, no asynchronous test can run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium."""
    program = os.environ.get("WHISPERER_CHROMIUM") or (DEBIANS if DEBIANS.exists() else None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all tests: what JupyterLab is made of is loaded and compiled once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.set_default_navigation_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def new_page(context: BrowserContext, evidence: Evidence) -> Iterator[NewPage]:
    """Opens tabs that close with the test."""
    with ExitStack() as tabs:

        def open_tab() -> Page:
            page = context.new_page()
            evidence.watch(page)
            tabs.callback(page.close)
            return page

        yield open_tab


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A tab."""
    return new_page()


@pytest.fixture(scope="package")
def shared_provider() -> Iterator[FakeProvider]:
    """The fake provider behind the shared server."""
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def provider(shared_provider: FakeProvider) -> FakeProvider:
    """The fake provider, with nothing in it from other tests."""
    shared_provider._script.clear()
    shared_provider.requests.clear()
    return shared_provider


# Kernels without subshells and with them, named after their ipykernel.
OLD, NEWER = "6.31.0", "7.3.0"
WITHOUT_EXTENSION = ('--ServerApp.jpserver_extensions={"jupyter_ext": False}',)


@pytest.fixture(scope="package")
def shared_bare_lab(shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab without the extension, whose kernels are of several versions of ipykernel."""
    folder = tmp_path_factory.mktemp("bare")
    lab = Lab(folder, environ=settings(shared_provider.url), arguments=WITHOUT_EXTENSION)
    for version in (OLD, NEWER):
        place = folder / f"ipykernel-{version}"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={place}"]
        subprocess.run([*command, f"ipykernel=={version}"], check=True, timeout=100)
        install_ours(folder, version, place)
    with lab:
        yield lab


@pytest.fixture
def bare_lab(shared_bare_lab: Lab, provider: FakeProvider, evidence: Evidence) -> Iterator[Lab]:  # noqa: ARG001 - a clean provider
    """That JupyterLab; its kernels end with the test."""
    evidence.labs.append(shared_bare_lab)
    yield shared_bare_lab
    shared_bare_lab.shut_notebooks()


@pytest.fixture(scope="package")
def shared_lab(shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The JupyterLab of all tests that leave it as it was."""
    with Lab(tmp_path_factory.mktemp("lab"), environ=settings(shared_provider.url)) as running:
        yield running


@pytest.fixture
def lab(shared_lab: Lab, provider: FakeProvider, evidence: Evidence) -> Iterator[Lab]:  # noqa: ARG001 - a clean provider
    """The shared JupyterLab; its turns and kernels end with the test."""
    evidence.labs.append(shared_lab)
    yield shared_lab
    shared_lab.stop_turns()
    shared_lab.shut_notebooks()


@pytest.fixture
def notebook(lab: Lab, page: Page) -> Notebook:
    """A new notebook in JupyterLab, whose first cell shows the chat."""
    return lab.new(page, SHOW_CHAT)


@pytest.fixture
def themed(notebook: Notebook) -> Iterator[Notebook]:
    """A notebook whose theme may be changed, in a tab that is high enough to show all of it."""
    notebook.page.set_viewport_size({"width": 1280, "height": 2_000})
    yield notebook
    notebook.set_theme("JupyterLab Light")


@pytest.fixture
def chat(notebook: Notebook) -> Chat:
    """The chat in a new notebook."""
    return notebook.show_chat()


@pytest.fixture(scope="module")
def shared_tab(context: BrowserContext, shared_lab: Lab) -> Iterator[Notebook]:
    """A notebook that a module's tests share."""
    with context.new_page() as page:
        notebook = shared_lab.new(page, SHOW_NEW_CHAT)
        shared_lab.kept.add(notebook.path)
        yield notebook
    shared_lab.kept.remove(notebook.path)


@pytest.fixture
def new_chat(shared_tab: Notebook, lab: Lab, evidence: Evidence) -> Chat:  # noqa: ARG001 - a clean provider
    """A chat with a session of its own in the notebook that the module's tests share: much quicker than a new one."""
    evidence.watch(shared_tab.page)
    return shared_tab.show_chat()


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory, evidence: Evidence) -> Iterator[Serve]:
    """Starts a JupyterLab of the test's own, which ends with it."""
    with ExitStack() as running:

        def start(**options: Any) -> Lab:
            own = running.enter_context(Lab(tmp_path_factory.mktemp("lab"), **options))
            evidence.labs.append(own)
            return own

        yield start
