"""A way to a server that can be cut."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.server.process import Server


class Proxy:
    """Listens for a server's kernels: those that start while it is there come to the server through it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._info = server.folder / "runtime" / f"jpserver-{server.pid}.json"
        self._original = self._info.read_text()
        self._writers: list[asyncio.StreamWriter] = []
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._listening.sockets[0].getsockname()[1]
        info = json.loads(self._original)
        self._info.write_text(json.dumps({**info, "port": port, "url": f"http://127.0.0.1:{port}/"}))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._info.write_text(self._original)
        self.cut()

    def cut(self) -> None:
        """Break every connection, and take no more."""
        self._listening.close()
        self.interrupt()

    def interrupt(self) -> None:
        """Break every connection; who comes again is taken."""
        for writer in self._writers:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._server.port)
        self._writers += [writer, there]
        for source, target in ((reader, there), (there_reader, writer)):
            task = asyncio.get_running_loop().create_task(_pass_on(source, target))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()
