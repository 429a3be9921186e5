"""JupyterLab as a person uses it: open a notebook, run a cell, talk to the chat in its output."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.server.client import Client
from tests.server.process import TOKEN, Server
from whisperer_kernel.events import ACTIVE

SHOW_CHAT = "from whisperer_kernel import Chat\n\nchat = Chat()\nchat"
# JavaScript that the notebook's methods begin with: the panel of the one notebook in the tab, and its kernel.
PANEL = "const panel = jupyterapp.shell.currentWidget; const kernel = () => panel.sessionContext.session?.kernel;"
SELECT = "panel.content.activeCellIndex = value; panel.content.deselectAll();"
RUN = "jupyterapp.commands.execute('notebook:run-cell')"
READY_MS = 60_000


# More than any test has.
NEWEST = 5


async def _stop_turns(server: Server) -> None:
    client = await Client.connect(server)
    sessions = (await client.request("session.list", limit=NEWEST))["sessions"]
    for session in [session for session in sessions if session["status"] == ACTIVE]:
        while (await client.request("session.cancel", sessionId=session["sessionId"]))["cancelled"]:
            pass
    await client.close()


class Lab(Server):
    """JupyterLab and Notebook 7 in a process of their own; started again, on the port they had.

    ``kept`` are paths of notebooks whose kernels outlive the test that opened them.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.kept: set[str] = set()
        # No question about news, which would lie over what is photographed.
        news = folder / "config/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
        news.parent.mkdir(parents=True, exist_ok=True)
        news.write_text('{"fetchNews": "false", "checkForUpdates": false}')

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with (self.folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
                    "--ServerApp.ip=127.0.0.1",
                    f"--ServerApp.port={self.port}",
                    "--ServerApp.port_retries=0",
                    f"--ServerApp.root_dir={self.folder / 'work'}",
                    "--LabApp.expose_app_in_browser=True",
                    "--JupyterNotebookApp.expose_app_in_browser=True",
                    *self._arguments,
                ],
                env=self._environment(),
                cwd=self.folder / "work",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.port = self._wait_for_port()
        return self

    def write(self, *cells: str, name: str = "", kernel: str = "python3") -> str:
        """A new notebook with these code cells; its path."""
        path = name or f"{uuid4().hex[:8]}.ipynb"
        book = {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": uuid4().hex,
                    "metadata": {},
                    "outputs": [],
                    "source": cell,
                }
                for cell in cells
            ],
            "metadata": {"kernelspec": {"name": kernel, "display_name": "Python 3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / "work" / path).write_text(json.dumps(book))
        return path

    def read(self, path: str) -> Any:
        """The notebook as it was saved."""
        return json.loads((self.folder / "work" / path).read_text())

    def open(self, page: Page, path: str) -> Notebook:
        """The notebook in JupyterLab, in a workspace of its own, so that no tab of earlier comes back."""
        page.goto(f"{self.url}/lab/workspaces/{uuid4().hex}/tree/{path}?token={TOKEN}")
        return Notebook(page, path)

    def open_notebook7(self, page: Page, path: str) -> Notebook:
        """The notebook in Notebook 7."""
        page.goto(f"{self.url}/notebooks/{path}?token={TOKEN}")
        return Notebook(page, path)

    def new(self, page: Page, *cells: str) -> Notebook:
        """A new notebook in JupyterLab."""
        return self.open(page, self.write(*cells))

    def stop_turns(self) -> None:
        """End what runs or waits for a yes: left alone, it asks the provider minutes later, in another test."""
        with ThreadPoolExecutor(1) as thread:
            # A loop of its own: Playwright's runs on this thread.
            thread.submit(asyncio.run, _stop_turns(self)).result()

    def shut_notebooks(self) -> None:
        """End every kernel but the ones that are kept."""
        others = [model for model in self._ask("GET", "api/sessions") if model["path"] not in self.kept]
        # Where several have one kernel, the first to end takes the others along.
        for model in {model["kernel"]["id"]: model for model in others}.values():
            self._ask("DELETE", f"api/sessions/{model['id']}")

    def _ask(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"token {TOKEN}"}
        request = Request(f"{self.url}/{path}", method=method, headers=headers)  # noqa: S310 - our own server
        with urlopen(request, timeout=20) as response:  # noqa: S310 - our own server
            body = response.read()
        return json.loads(body) if body else None

    def _environment(self) -> dict[str, str]:
        """The extension is found where the installation put its configuration."""
        environ = {**super()._environment(), "IPYTHONDIR": str(self.folder / "ipython")}
        del environ["JUPYTER_NO_CONFIG"]
        return environ


class Notebook:
    """The notebook open in a tab."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.path = path
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until its kernel is there and idle."""
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext", timeout=READY_MS)
        self.page.wait_for_function(
            f"() => {{ {PANEL} return kernel()?.status === 'idle' && kernel().connectionStatus === 'connected'; }}",
            timeout=READY_MS,
        )

    def run(self, index: int = 0) -> str:
        """Run a cell to its end; what it printed and returned."""
        self.do(f"{SELECT} await {RUN}", index)
        return self.output(index)

    def start(self, index: int = 0) -> None:
        """Begin to run a cell."""
        self.do(f"{SELECT} void {RUN}", index)

    def run_code(self, source: str) -> str:
        """Run this in a new cell at the end; what it printed and returned."""
        return self.run(self.add(source))

    def add(self, source: str) -> int:
        """A new cell at the end; its index."""
        index: int = self.do(
            "const cells = panel.content.model.sharedModel;"
            "cells.insertCell(cells.cells.length, {cell_type: 'code', source: value});"
            "return cells.cells.length - 1",
            source,
        )
        return index

    def outputs(self, index: int = 0) -> list[dict[str, Any]]:
        """A cell's outputs as they would be saved."""
        outputs: list[dict[str, Any]] = self.do("return panel.content.model.cells.get(value).outputs.toJSON()", index)
        return outputs

    def output(self, index: int = 0) -> str:
        """What a cell printed and returned, as text. Fails where it raised."""
        texts = []
        for output in self.outputs(index):
            assert output["output_type"] != "error", "\n".join(output["traceback"])
            texts.append(output.get("text") or output["data"].get("text/plain", ""))
        return "".join(texts).strip()

    @property
    def sources(self) -> list[str]:
        """The cells' sources."""
        sources: list[str] = self.do("return Array.from(panel.content.model.cells, cell => cell.sharedModel.source)")
        return sources

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells' ids, types and metadata."""
        cells: list[dict[str, Any]] = self.do(
            "return Array.from(panel.content.model.cells, ({id, type, metadata}) => ({id, type, metadata}))"
        )
        return cells

    def undo(self) -> None:
        """Undo the last thing that was done to cells."""
        self.do("await jupyterapp.commands.execute('notebook:undo-cell-action')")

    def set_theme(self, theme: str) -> None:
        """Show JupyterLab in its theme "JupyterLab Light" or "JupyterLab Dark"."""
        self.do("await jupyterapp.commands.execute('apputils:change-theme', {theme: value})", theme)
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        # It lies over everything until the theme has been loaded.
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    @property
    def is_dirty(self) -> bool:
        """Whether it holds what is not saved."""
        return bool(self.do("return panel.context.model.dirty"))

    def save(self) -> None:
        """Save it."""
        self.do("await panel.context.save()")

    def rename(self, name: str) -> None:
        """Give it another name."""
        self.do("await panel.context.rename(value)", name)
        self.path = name

    def interrupt(self) -> None:
        """Interrupt the kernel."""
        self.do("await kernel().interrupt()")

    def restart_kernel(self) -> None:
        """Restart the kernel, which forgets all but its id."""
        self.do("await kernel().restart()")
        self.wait_until_ready()

    def reload(self) -> None:
        """Reload the page, as it was saved last."""
        self.page.reload()
        self.wait_until_ready()

    def show_chat(self, index: int = 0) -> Chat:
        """Run the cell that shows the chat, and wait until it is connected."""
        self.run(index)
        return self.chat(index).ready()

    def chat(self, index: int = 0) -> Chat:
        """The chat in a cell's output."""
        cell = self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')
        return Chat(cell.get_by_role("region", name="Whisperer chat"))

    def do(self, body: str, value: Any = None) -> Any:
        """What the page's own JavaScript gives back, with ``panel``, ``kernel()`` and ``value`` to work with."""
        return self.page.evaluate(f"async value => {{ {PANEL} {body} }}", value)


class Chat:
    """The chat, by the roles and names under which assistive technology finds its parts."""

    def __init__(self, region: Locator) -> None:
        self.region = region
        self.log = region.get_by_role("log", name="Conversation")
        self.articles = self.log.get_by_role("article")
        self.box = region.get_by_role("textbox", name="Message")
        self.send = region.get_by_role("button", name="Send", exact=True)
        self.stop = region.get_by_role("button", name="Stop", exact=True)
        self.agents = region.get_by_role("radiogroup", name="Agent")
        self.provider = region.get_by_role("status", name="Provider")
        self.connection = region.get_by_role("status", name="Connection")
        self.suggestions = region.get_by_role("group", name="Suggestions")
        self.mode = region.get_by_role("combobox", name="Mode")
        self.permission = region.get_by_role("group", name="Permission")
        self.problem = region.get_by_role("alert")

    def ready(self) -> Self:
        """Wait until it is connected."""
        expect(self.region).to_have_attribute("data-connection", "live")
        return self

    def radio(self, name: str) -> Locator:
        """The radio button of an agent."""
        return self.agents.get_by_role("radio", name=name, exact=True)

    def switch_to(self, name: str) -> None:
        """Click on an agent, and wait until she is the current one."""
        self.radio(name).click()
        expect(self.box).to_have_attribute("placeholder", f"Ask {name}")
        expect(self.radio(name)).to_be_checked()

    def ask(self, text: str) -> None:
        """Type a message and send it."""
        self.box.fill(text)
        self.box.press("Enter")

    def by(self, author: str) -> Locator:
        """All messages of an author, "You" or an agent's name."""
        return self.log.get_by_role("article", name=author, exact=True)

    def last(self, author: str = "Alice") -> Locator:
        """An author's last message."""
        return self.by(author).last

    def text(self, author: str = "Alice") -> Locator:
        """The text of an author's last message, without name, time and figures."""
        return self.last(author).locator(".whisperer-text, .whisperer-user-text")

    def expect_idle(self) -> None:
        """Wait until no turn runs."""
        expect(self.log).to_have_attribute("aria-busy", "false")
        expect(self.send).to_be_visible()

    def transcript(self) -> list[tuple[str, str]]:
        """Everything said so far: author and text."""
        said: list[tuple[str, str]] = self.articles.evaluate_all(
            "all => all.map(one => [one.getAttribute('aria-label'),"
            " one.querySelector('.whisperer-text, .whisperer-user-text')?.textContent ?? one.textContent])"
        )
        return [(author, text) for author, text in said]


def settings(provider_url: str, **more: str) -> Mapping[str, str]:
    """The environment of a server that asks the provider at this address."""
    return {
        "FAKE_PROVIDER_KEY": "sk-or-test-key-0123456789",
        "WHISPERER_PROVIDER__BASE_URL": provider_url,
        "WHISPERER_PROVIDER__API_KEY_ENV": "FAKE_PROVIDER_KEY",
        "WHISPERER_PROVIDER__MODEL": "fake-model",
        "WHISPERER_PROVIDER__MAX_RETRIES": "0",
        **{f"WHISPERER_{name}": value for name, value in more.items()},
    }
