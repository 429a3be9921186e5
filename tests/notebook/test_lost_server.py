"""A server that goes away in mid-answer: what was answered is kept, and what happened is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.notebook.bare_server import BareServer
from tests.notebook.conftest import Serve, scripted
from tests.notebook.script import PATIENCE_S, start_script

SLOW = [{"text": "so far"}, {"pause": 60}, {"text": "never said"}]

HEAD = """
import sys
from whisperer_kernel import Whisperer
from whisperer_kernel.notebook import peer
w = Whisperer()
"""
ASK = """
try:
    for chunk in (stream := w.stream("x")):
        print("chunk:", chunk, flush=True)
    print("reply:", stream.reply.finish_reason, stream.reply, flush=True)
except Exception as error:
    print(type(error).__name__ + ":", error, flush=True)
"""
AGAIN = """
sys.stdin.readline()
print("again:", w.ask_sync("again").finish_reason, len(w.history_sync()))
"""


class Script:
    """A program that prints line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        """The next line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self.process.stdout.readline()).decode().strip()

    async def go_on(self) -> None:
        """Have it read a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()

    async def end(self) -> str:
        """Its errors, when it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            _, err = await self.process.communicate()
        return err.decode()


def restart(server: BareServer) -> None:
    """Start it again, with nothing left to say but what it is asked."""
    scripted(server.folder, [])
    server.start()


Start = Callable[[BareServer, str], Awaitable[Script]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts programs that take a server for the one that started them; unlike a kernel they outlive it."""
    scripts: list[Script] = []

    async def start_one(server: BareServer, code: str) -> Script:
        environ = {"JUPYTER_RUNTIME_DIR": str(server.folder / "runtime"), "JPY_PARENT_PID": str(server.pid)}
        scripts.append(Script(await start_script(server.folder / "home", HEAD + code, environ)))
        return scripts[-1]

    yield start_one
    for script in scripts:
        if script.process.returncode is None:
            script.process.kill()
            await script.process.wait()


async def test_server_killed_and_started_again(serve: Serve, start: Start) -> None:
    """The answer ends as interrupted with the text that came; the session goes on."""
    server = serve([SLOW])
    script = await start(server, ASK + AGAIN)
    assert await script.line() == "chunk: so far"
    server.kill()
    restart(server)
    assert await script.line() == "reply: interrupted so far"
    await script.go_on()
    assert await script.line() == "again: stop 5"
    assert await script.end() == ""


async def test_server_stopped_in_good_order(serve: Serve, start: Start) -> None:
    """A server that is told to stop and comes back tells the same story."""
    server = serve([SLOW])
    script = await start(server, ASK)
    assert await script.line() == "chunk: so far"
    server.terminate()
    restart(server)
    assert await script.line() == "reply: interrupted so far"
    assert await script.end() == ""


async def test_server_that_stays_away(serve: Serve, start: Start) -> None:
    """After a while it is said; when the server is back, the next question finds it."""
    server = serve([SLOW])
    script = await start(server, "peer.GIVE_UP_S = 1.0" + ASK + AGAIN)
    assert await script.line() == "chunk: so far"
    server.kill()
    line = await script.line()
    assert line == f"ServerLost: The Jupyter server at {server.url}/ does not answer. It was tried for 1 s."
    restart(server)
    await script.go_on()
    assert await script.line() == "again: stop 5"
    assert await script.end() == ""


async def test_server_that_comes_back_with_another_token(serve: Serve, start: Start) -> None:
    """It is not asked over and over; what to do is said."""
    server = serve([SLOW])
    script = await start(server, ASK)
    assert await script.line() == "chunk: so far"
    server.kill()
    server._environ = {**server._environ, "JUPYTER_TOKEN": "another-token-for-tests"}
    restart(server)
    assert (await script.line()).startswith(f"NotPermitted: The Jupyter server at {server.url}/ does not let")
    assert await script.end() == ""


async def test_session_that_is_deleted_meanwhile(serve: Serve, start: Start) -> None:
    """A store that was emptied costs the conversation, not the next question."""
    server = serve([SLOW])
    script = await start(server, ASK + AGAIN)
    assert await script.line() == "chunk: so far"
    server.kill()
    for file in server.store.parent.glob("sessions.db*"):
        file.unlink()
    restart(server)
    assert await script.line() == "NoSuchSession: The session is no longer there, and the answer with it. Ask again."
    await script.go_on()
    assert (await script.line()).startswith("again: stop")
    assert await script.end() == ""
