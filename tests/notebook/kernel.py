"""A real kernel, in which cells are run as a notebook runs them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.server.process import TOKEN, Server

PATIENCE_S = 60.0


class Cell:
    """What running a cell came to: text output, the last rich output by MIME type and all of them, error, payloads."""

    def __init__(self) -> None:
        self.printed = ""
        self.shown: dict[str, Any] = {}
        self.displayed: list[dict[str, Any]] = []
        self.error = ""
        self.payload: list[dict[str, Any]] = []

    def take(self, message: dict[str, Any]) -> None:
        """Take an output message in."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.printed += content["text"]
            case "execute_result" | "display_data":
                self.shown = content["data"]
                self.displayed.append(content["data"])
            case "error":
                self.error = f"{content['ename']}: {content['evalue']}"


class Person:
    """Sits in front of a cell, and answers with these lines what it asks; then she says nothing more."""

    def __init__(self, *lines: str) -> None:
        self.prompts: list[str] = []
        self.asked = asyncio.Event()
        self._lines = list(lines)

    def hear(self, prompt: str) -> str | None:
        """What she answers; None: nothing."""
        self.prompts.append(prompt)
        self.asked.set()
        return self._lines.pop(0) if self._lines else None


class Kernel:
    """A kernel by its connection file. ``id`` is the one by which Jupyter knows it."""

    def __init__(self, connection_file: Path) -> None:
        self.id = connection_file.stem.removeprefix("kernel-")
        self._connection_file = str(connection_file)
        self.printed = asyncio.Event()

    async def connect(self) -> None:
        """Wait until it takes cells."""
        self._client = AsyncKernelClient(connection_file=self._connection_file)
        self._client.load_connection_file()
        self._client.start_channels()
        heard = False
        while not heard:
            # Not `wait_for_ready`: on a busy machine it takes a kernel that is slow to start for a dead one.
            await self._client.kernel_info(reply=True, timeout=PATIENCE_S)
            heard = await self._hears()

    async def _hears(self) -> bool:
        """Whether outputs reach us by now."""
        try:
            await self._client.get_iopub_msg(timeout=0.5)
        except Empty:
            return False
        return True

    async def run(self, code: str, person: Person | None = None) -> Cell:
        """Run a cell and wait for its end. ``printed`` is set as soon as it has printed something.

        Without a ``person`` the kernel is told that nobody can be asked.
        """
        cell = Cell()
        self.printed.clear()

        def take(message: dict[str, Any]) -> None:
            cell.take(message)
            if cell.printed:
                self.printed.set()

        def answer(request: dict[str, Any]) -> None:
            assert person is not None
            line = person.hear(request["content"]["prompt"])
            if line is not None:
                self._client.input(line)

        running: Awaitable[Any] = self._client.execute_interactive(
            code, allow_stdin=person is not None, output_hook=take, stdin_hook=answer, timeout=PATIENCE_S
        )
        cell.payload = (await running)["content"].get("payload", [])
        return cell

    async def value(self, code: str) -> Any:
        """What a cell's code prints, read as JSON; the cell must not fail."""
        cell = await self.run(code)
        assert not cell.error, cell.error
        return json.loads(cell.printed.splitlines()[-1])

    def disconnect(self) -> None:
        """Leave it alone."""
        self._client.stop_channels()


async def rest(server: Server, method: str, path: str, body: Any = None) -> Any:
    """Ask Jupyter's own REST interface."""
    request = HTTPRequest(
        f"{server.url}/{path}",
        method=method,
        headers={"Authorization": f"token {TOKEN}"},
        body=None if body is None else json.dumps(body),
        allow_nonstandard_methods=True,
    )
    client = AsyncHTTPClient(force_instance=True)
    try:
        answer = (await client.fetch(request)).body
    finally:
        client.close()
    return json.loads(answer) if answer else None


async def open_notebook(server: Server, path: str) -> Kernel:
    """A kernel that the server starts for a notebook, as a page does that opens it."""
    session = await rest(
        server, "POST", "api/sessions", {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    )
    kernel = Kernel(server.folder / "runtime" / f"kernel-{session['kernel']['id']}.json")
    await kernel.connect()
    return kernel


async def interrupt(server: Server, kernel: Kernel) -> None:
    """Press the notebook's stop button."""
    await rest(server, "POST", f"api/kernels/{kernel.id}/interrupt", {})
