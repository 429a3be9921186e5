"""A real kernel, in which cells are run as a notebook runs them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.server.process import TOKEN, Server

PATIENCE_S = 30.0


class Cell:
    """What running a cell came to: its text output, its rich output by MIME type, its error, the cell it offers below.

    ``showings`` are all that its rich output has been; ``traceback`` is the error as it is shown.
    """

    def __init__(self) -> None:
        self.printed = ""
        self.shown: dict[str, Any] = {}
        self.showings: list[dict[str, Any]] = []
        self.error = ""
        self.traceback: list[str] = []
        self.next_input: str | None = None

    @property
    def text(self) -> str:
        """Its rich output as plain text."""
        return str(self.shown.get("text/plain", ""))

    def end(self, reply: dict[str, Any]) -> None:
        """Take the reply in that ends it."""
        offered = [item["text"] for item in reply["content"].get("payload", []) if item["source"] == "set_next_input"]
        self.next_input = offered[-1] if offered else None

    def take(self, message: dict[str, Any]) -> None:
        """Take an output message in."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                self.printed += content["text"]
            case "execute_result" | "display_data" | "update_display_data":
                self.shown = content["data"]
                self.showings.append(self.shown)
            case "error":
                self.traceback = content["traceback"]
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


class _Client(AsyncKernelClient):
    """Says, as a notebook does, which cell it runs."""

    cell_id = ""

    def execute(self, code: str, *args: Any, **options: Any) -> Any:
        """See ``KernelClient.execute``."""
        if not self.cell_id or "reply" in options:
            return super().execute(code, *args, **options)
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": options["allow_stdin"],
        }
        message = self.session.msg("execute_request", content, metadata={"cellId": self.cell_id})
        self.shell_channel.send(message)
        return message["header"]["msg_id"]


class Kernel:
    """A kernel by its connection file. ``id`` is the one by which Jupyter knows it."""

    def __init__(self, connection_file: Path, manager: AsyncKernelManager | None = None) -> None:
        self._manager = manager
        self.id = connection_file.stem.removeprefix("kernel-")
        self._file = connection_file
        self._client = _Client()
        self.printed = asyncio.Event()
        self.renewed = asyncio.Event()

    async def connect(self) -> None:
        """Wait until it takes cells; after it was restarted, again."""
        self._client = _Client(connection_file=str(self._file))
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

    async def run(self, code: str, cell_id: str = "", *, person: Person | None = None, attended: bool = True) -> Cell:
        """Run a cell and wait for its end; with an id, as a notebook does, else as a console does.

        A silent person is in front of it, or this one; not ``attended``: the kernel is told that nobody is, as nbclient
        does.

        ``printed`` is set as soon as it has printed something, ``renewed`` when its rich output has been renewed.
        """
        cell = Cell()
        self.printed.clear()
        self.renewed.clear()

        def take(message: dict[str, Any]) -> None:
            cell.take(message)
            if cell.printed:
                self.printed.set()
            if len(cell.showings) > 1:
                self.renewed.set()

        def answer(request: dict[str, Any]) -> None:
            line = (person or Person()).hear(request["content"]["prompt"])
            if line is not None:
                self._client.input(line)

        self._client.cell_id = cell_id
        running: Awaitable[Any] = self._client.execute_interactive(
            code, allow_stdin=attended, output_hook=take, stdin_hook=answer, timeout=PATIENCE_S
        )
        cell.end(await running)
        return cell

    async def interrupt(self) -> None:
        """Press the stop button, of a kernel that no server started."""
        assert self._manager is not None
        await self._manager.interrupt_kernel()

    def type(self, line: str) -> None:
        """Answer what the cell that runs asks."""
        self._client.input(line)

    async def complete(self, line: str) -> list[str]:
        """What Tab offers at the end of a line."""
        asked: Any = self._client.complete(line, reply=True, timeout=PATIENCE_S)
        return list((await asked)["content"]["matches"])

    async def help(self, word: str) -> str:
        """What ``word?`` shows."""
        asked: Any = self._client.execute(f"{word}?", reply=True, timeout=PATIENCE_S)
        (page,) = (await asked)["content"]["payload"]
        return str(page["data"]["text/plain"])

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


async def restart(server: Server, kernel: Kernel) -> None:
    """Press the notebook's restart button."""
    kernel.disconnect()
    await rest(server, "POST", f"api/kernels/{kernel.id}/restart", {})
    await kernel.connect()


async def restarted(manager: AsyncKernelManager, kernel: Kernel) -> None:
    """The same for a kernel without a server."""
    kernel.disconnect()
    await manager.restart_kernel()
    await kernel.connect()


@asynccontextmanager
async def plain_kernel(
    folder: Path, environ: Mapping[str, str], name: str = "python3", file: str = "kernel-plain.json"
) -> AsyncIterator[tuple[AsyncKernelManager, Kernel]]:
    """A kernel that somebody else than a Jupyter server started, as VS Code or nbclient do."""
    manager = AsyncKernelManager(kernel_name=name, connection_file=str(folder / file))
    await manager.start_kernel(env=dict(environ), cwd=str(folder))
    kernel = Kernel(folder / file, manager)
    await kernel.connect()
    try:
        yield manager, kernel
    finally:
        kernel.disconnect()
        await manager.shutdown_kernel(now=True)


async def interrupt(server: Server, kernel: Kernel) -> None:
    """Press the notebook's stop button."""
    await rest(server, "POST", f"api/kernels/{kernel.id}/interrupt", {})
