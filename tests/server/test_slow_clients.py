"""Clients that do not read, or are not there any more: they cost little, are let go, and harm no other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import psutil
import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.server.conftest import Connect, Serve
from tests.server.process import TOKEN, Server
from tests.server.raw_socket import RawSocket
from tests.server.test_security import fetch

MIB = 1 << 20
OpenRaw = Callable[[Server], Awaitable[RawSocket]]


@pytest.fixture
async def raw() -> AsyncIterator[OpenRaw]:
    """Opens raw sockets that end with the test."""
    opened: list[RawSocket] = []

    async def open_one(server: Server) -> RawSocket:
        opened.append(await RawSocket.connect(server))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


async def connections(server: Server) -> int:
    """How many the server counts."""
    page = await fetch(server, "/whisperer/health", Authorization=f"token {TOKEN}")
    found: int = json.loads(page.body)["connections"]
    return found


async def until_left(server: Server, count: int, patience: float) -> None:
    """Wait until so many connections are left."""
    deadline = time.monotonic() + patience
    while (left := await connections(server)) != count:
        assert time.monotonic() < deadline, f"{left} connections"
        await asyncio.sleep(0.05)


async def test_slow_reader(serve: Serve, connect: Connect, raw: OpenRaw, provider: FakeProvider) -> None:
    """Who does not read is let go with 1013; the others of the same session get everything, and it can be resumed."""
    parts = ["x" * 64_000] * 100
    provider.script(Reply([*text(*parts), *finish(), DONE]))
    server = serve(LIMITS__MAX_CLIENT_BACKLOG_BYTES="500000", LIMITS__MAX_REPLY_BYTES="10000000")
    client = await connect(server)
    await client.start()
    slow = await raw(server)
    await slow.request("resumeSession", sessionId=client.session_id, afterSeq=0)
    assert (await slow.text())["result"]["sessionId"] == client.session_id
    answer = await client.ask("Go")
    assert answer.text == "".join(parts)
    assert await asyncio.wait_for(slow.close_code(), 10) == 1013
    await until_left(server, 1, 8)
    again = await connect(server)
    await again.resume(client.session_id, 0)
    assert (await again.answer(answer.message_id)).text == answer.text


async def test_memory_of_a_slow_reader(serve: Serve, connect: Connect, raw: OpenRaw) -> None:
    """What waits for a client that does not read is bounded by ``limits.max_client_backlog_bytes``."""
    server = serve(LIMITS__MAX_CLIENT_BACKLOG_BYTES=str(2 * MIB))
    client = await connect(server)
    await client.request("echo", message="x" * 500_000)
    memory = psutil.Process(server.pid).memory_info
    before = memory().rss
    slow = await raw(server)
    most = before
    try:
        for _ in range(200):
            await asyncio.wait_for(slow.request("echo", message="x" * 500_000), 5)
            most = max(most, memory().rss)
    except (ConnectionError, TimeoutError):
        # Let go before it could send them all.
        pass
    assert most - before < 40 * MIB
    assert await client.request("echo", message="unharmed") == "unharmed"
    # Tornado waits five seconds for a close that is never answered.
    await until_left(server, 1, 8)


async def test_half_open_socket(serve: Serve, connect: Connect, raw: OpenRaw) -> None:
    """A client that answers no ping is let go within the ping's interval and timeout; who answers stays."""
    server = serve(SERVER__PING_INTERVAL_S="0.4", SERVER__PING_TIMEOUT_S="0.4")
    client = await connect(server)
    await raw(server)
    assert await connections(server) == 2
    began = time.monotonic()
    # To the two Tornado adds the five seconds that it waits for an answer to its close.
    await until_left(server, 1, 8)
    assert time.monotonic() - began > 0.4
    assert await client.request("echo", message="still here") == "still here"


async def test_vanished_client(serve: Serve, connect: Connect, raw: OpenRaw) -> None:
    """A connection that is reset is forgotten at once, and a request that it left behind harms nothing."""
    server = serve()
    client = await connect(server)
    gone = await raw(server)
    await gone.request("startSession")
    await gone.close()
    await until_left(server, 1, 3)
    assert await client.request("echo", message="here") == "here"
    assert "Traceback" not in server.log


async def test_many_requests_at_once(connect: Connect, server: Server) -> None:
    """A thousand requests sent without waiting are all answered, each once."""
    client = await connect(server)
    answers = await asyncio.gather(*(client.ask_for("echo", message=str(number)) for number in range(1_000)))
    assert answers == [str(number) for number in range(1_000)]
