"""A fake OpenAI-compatible provider that can go wrong in every way a real one does.

It speaks raw bytes over asyncio sockets, so it can cut a stream at any byte, reset it, fall silent or send nonsense.

In a test, with the fixture ``fake_provider`` (see ``tests/fakes/plugin.py``) or by hand::

    with FakeProvider() as fake:
        fake.script(Reply([*text("Hel", "lo"), *finish(), DONE]))   # one Reply for each request to come, in order
        ...  # talk to fake.url, which ends in /v1
        assert fake.requests[0].json["model"] == "m"
        assert fake.requests[0].closed.wait(1)                      # the client closed its connection

Where the script is used up, the *model's name* decides: a key of ``tests.fakes.faults.FAULTS`` ("fault-429",
"fault-reset", …) gives that behaviour, ``slow`` streams a word every 50 ms for a minute, any other name gets a short
answer that repeats the last user message. ``GET /v1/models`` lists ``fake.models``.

As a process of its own: ``python -m tests.fakes.provider --port 0`` prints ``{"url": …}`` and runs until its stdin or
it itself is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from tests.fakes import faults
from tests.fakes.reply import DONE, Act, Gate, Reply, Step, encoded, finish, text

__all__ = ["DONE", "Act", "FakeProvider", "Gate", "Reply", "Request", "finish", "text"]


class Request:
    """A request that arrived. ``closed`` is set when the client has closed (or reset) the connection it came on."""

    def __init__(self, head: bytes, body: bytes) -> None:
        line, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = line.split(" ", 2)
        self.headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines if one)}
        self.body = body
        self.at = time.monotonic()
        self.closed = threading.Event()
        self.closed_at: float | None = None

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def mark_closed(self) -> None:
        """Note the moment the connection ended."""
        self.closed_at = self.closed_at or time.monotonic()
        self.closed.set()


class FakeProvider:
    """The server, in a thread with an event loop of its own. ``host`` and ``port`` are where it listens."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port = host, port
        self.requests: list[Request] = []
        self.models: list[dict[str, Any]] = [{"id": "fake-model", "object": "model", "context_length": 8192}]
        self.models_reply: Reply | None = None
        self.connections = 0
        self._script: deque[Reply] = deque()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: WeakSet[asyncio.StreamWriter] = WeakSet()
        self._thread = threading.Thread(target=self._run, name="fake-provider", daemon=True)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        """The base URL, up to and with /v1."""
        return f"http://{self.host}:{self.port}/v1"

    def script(self, *replies: Reply) -> None:
        """Answer the chat requests to come with these, in order."""
        self._script.extend(replies)

    def gate(self) -> Gate:
        """A step that waits until ``gate.open()`` is called, from any thread."""
        return Gate(self._loop)

    def chats(self) -> list[Request]:
        """The chat requests so far, without those for the list of models."""
        return [request for request in self.requests if request.method == "POST"]

    def wait_for_chats(self, count: int, timeout: float = 5.0) -> list[Request]:
        """The chat requests, as soon as there are ``count`` of them."""
        deadline = time.monotonic() + timeout
        while len(self.chats()) < count and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.chats()

    def wait_until_alone(self, timeout: float = 5.0) -> bool:
        """Whether every client closes its connections in time."""
        deadline = time.monotonic() + timeout
        while self._tasks and time.monotonic() < deadline:
            time.sleep(0.002)
        return not self._tasks

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, self.host, self.port, limit=64 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in list(self._writers):
            writer.transport.abort()  # one that is closed still waits for a client that does not read
        for _ in range(3):
            await asyncio.sleep(0)  # transports let go of their sockets in the loop's next ticks

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = self._loop.create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._converse(reader, writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen: list[Request] = []
        try:
            first = await _next_byte(reader)
            while first:
                seen.append(await self._request(first, reader))
                # One byte read ahead: empty where the client has gone, else the start of its next request.
                ahead = asyncio.ensure_future(_next_byte(reader))
                try:
                    alive = await self._respond(seen[-1], writer, ahead)
                    first = await ahead if alive else b""
                finally:
                    ahead.cancel()
        finally:
            for request in seen:
                request.mark_closed()
            writer.close()

    async def _request(self, first: bytes, reader: asyncio.StreamReader) -> Request:
        head = first + await reader.readuntil(b"\r\n\r\n")
        request = Request(head, b"")
        request.body = await reader.readexactly(int(request.headers.get("content-length", 0)))
        self.requests.append(request)
        return request

    async def _respond(self, request: Request, writer: asyncio.StreamWriter, ahead: asyncio.Future[bytes]) -> bool:
        """Send the reply; stop as soon as the client has gone. True where the connection may be used again."""
        reply = asyncio.ensure_future(_send(self._choose(request), writer))
        try:
            waiting: set[asyncio.Future[Any]] = {reply, ahead}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not reply.done() and not ahead.result():
                return False
            return await reply
        finally:
            reply.cancel()
            await asyncio.gather(reply, return_exceptions=True)

    def _choose(self, request: Request) -> Reply:
        if request.method == "GET":
            return self._listing(request)
        if self._script:
            return self._script.popleft()
        return faults.reply_for(request.json)

    def _listing(self, request: Request) -> Reply:
        if not request.path.endswith("/models"):
            return Reply.error(404, "no such path")
        return self.models_reply or Reply.of_json({"object": "list", "data": self.models})


async def _next_byte(reader: asyncio.StreamReader) -> bytes:
    """One byte, or none where the client has closed or reset the connection."""
    try:
        return await reader.read(1)
    except OSError:
        return b""


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> bool:
    if reply.framing != "raw":
        writer.write(reply.head())
    for step in reply.steps:
        if not await _perform(step, reply, writer):
            return False
    if reply.framing == "chunked":
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return reply.framing in {"chunked", "length"}


async def _perform(step: Step, reply: Reply, writer: asyncio.StreamWriter) -> bool:
    """Do one step. False where it ended the connection."""
    if isinstance(step, (int, float)):
        await writer.drain()
        await asyncio.sleep(step)
    elif isinstance(step, Gate):
        await step.wait()
    elif step is Act.HANG:
        await asyncio.get_running_loop().create_future()
    elif step is Act.RESET:
        await writer.drain()
        _reset(writer)
        return False
    elif step is Act.CUT:
        await writer.drain()
        writer.close()
        return False
    else:
        writer.write(reply.framed(encoded(step)))
        await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the client sees a reset, not an end."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main(arguments: Sequence[str] | None = None, wait: Callable[[], object] = sys.stdin.read) -> None:
    """Run as a process until stdin ends."""
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible provider, for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args(arguments)
    with FakeProvider(options.host, options.port) as fake:
        sys.stdout.write(json.dumps({"url": fake.url}) + "\n")
        sys.stdout.flush()
        wait()


if __name__ == "__main__":
    main()
