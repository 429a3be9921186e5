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

PATIENCE_S = 30.0


class Cell:
    """What running a cell came to: its text output, its rich output by MIME type, its error."""

    def __init__(self) -> None:
        self.printed = ""
        self.shown: dict[str, Any] = {}
        self.error = ""

    def take(self, message: dict[str, Any]) -> None:
        """Take an output message in."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.printed += content["text"]
            case "execute_result" | "display_data":
                self.shown = content["data"]
            case "error":
                self.error = f"{content['ename']}: {content['evalue']}"


class Kernel:
    """A kernel by its connection file. ``id`` is the one by which Jupyter knows it."""

    def __init__(self, connection_file: Path) -> None:
        self.id = connection_file.stem.removeprefix("kernel-")
        self._client = AsyncKernelClient(connection_file=str(connection_file))
        self.printed = asyncio.Event()

    async def connect(self) -> None:
        """Wait until it takes cells."""
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

    async def run(self, code: str) -> Cell:
        """Run a cell and wait for its end. ``printed`` is set as soon as it has printed something."""
        cell = Cell()
        self.printed.clear()

        def take(message: dict[str, Any]) -> None:
            cell.take(message)
            if cell.printed:
                self.printed.set()

        running: Awaitable[Any] = self._client.execute_interactive(code, output_hook=take, timeout=PATIENCE_S)
        await running
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


async def open_notebook(server: Server, path: str, kernel_name: str = "python3") -> Kernel:
    """A kernel that the server starts for a notebook, as a page does that opens it."""
    kernel_spec = {"name": kernel_name}
    session = await rest(
        server, "POST", "api/sessions", {"path": path, "name": path, "type": "notebook", "kernel": kernel_spec}
    )
    kernel = Kernel(server.folder / "runtime" / f"kernel-{session['kernel']['id']}.json")
    await kernel.connect()
    return kernel


async def interrupt(server: Server, kernel: Kernel) -> None:
    """Press the notebook's stop button."""
    await rest(server, "POST", f"api/kernels/{kernel.id}/interrupt", {})
