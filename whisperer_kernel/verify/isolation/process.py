"""One isolated process as the kernel sees it: items are given to it one by one, under a clock that it cannot set.

What it says is read within bounds and believed only where it can be true: in its turn, about the item that is under
way, once. Anything else ends it, and is the verdict of that item.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import NoReturn

import msgspec

from whisperer_kernel.verify.isolation import messages
from whisperer_kernel.verify.isolation.environment import bare_environment
from whisperer_kernel.verify.isolation.messages import AnyTold, Begun, Crossed, Ended, Item, Order, Plan, Recorded

GRACE_S = 5.0
EXIT_S = 2.0


class Unstartable(Exception):
    """Nothing could be run: the code under test does not load, or the process did not come so far."""


class Tampered(Exception):
    """It said what cannot be true."""


class Gone(Exception):
    """It has ended, or says nothing any more. ``code`` is its exit code, minus the signal; None: it still ran."""

    def __init__(self, code: int | None) -> None:
        super().__init__(ending(code))
        self.code = code


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an item: what the process told of its end, or why it told nothing. ``seconds`` are by our clock."""

    seconds: float
    end: Ended | Recorded | None = None
    crossed: Crossed | None = None
    trouble: Exception | None = None


class Conversation:
    """With one process, from its start on."""

    def __init__(self, process: Process, plan: Plan, order: Order, deadline: float) -> None:
        assert process.stdin is not None  # noqa: S101 - it was started with pipes
        assert process.stdout is not None  # noqa: S101 - the same
        self._process = process
        self._orders = process.stdin
        self._lines = process.stdout
        self._limits = plan.limits
        self._order = order
        self._deadline = deadline
        self._now = asyncio.get_running_loop().time
        self._heard = 0

    async def begin(self) -> Begun:
        """Have the code under test loaded. Raises ``Unstartable``."""
        until = self._until(self._limits.start_s)
        try:
            await self._say(self._order, until)
            begun = await self._hear(until)
            loaded = await self._hear(until)
        except TimeoutError:
            raise Unstartable(f"The code under test did not load within {self._limits.start_s:g} s.") from None
        except (Gone, Tampered) as error:
            raise Unstartable(f"The isolated process ended before it could run anything ({error}).") from None
        if isinstance(loaded, messages.Unloadable):
            raise Unstartable(f"The code under test cannot be executed by itself: {loaded.words}")
        if not isinstance(begun, Begun) or not isinstance(loaded, messages.Loaded):
            raise Unstartable("The code under test interfered with the process that was to run its tests.")
        return begun

    async def ask(self, text: str) -> tuple[Happened, bool]:
        """What came of an item, and whether it was begun at all."""
        item = Item(nonce=token_hex(16), text=text)
        heard: list[AnyTold] = []
        began, trouble = self._now(), None
        try:
            await self._until_end(item, heard, self._until(self._limits.test_s))
        except (TimeoutError, Tampered, Gone) as error:
            trouble = error
        happened = Happened(
            seconds=round(self._now() - began, 3),
            end=next((told for told in heard if isinstance(told, Ended | Recorded)), None),
            crossed=next((told for told in heard if isinstance(told, Crossed)), None),
            trouble=trouble,
        )
        return happened, bool(heard)

    async def _until_end(self, item: Item, heard: list[AnyTold], until: float) -> None:
        """Raises ``TimeoutError``, ``Tampered``, ``Gone``."""
        self._heard = 0
        await self._say(item, until)
        kind = Ended if self._order.kind == "tests" else Recorded
        while not (heard and isinstance(heard[-1], kind)):
            told = await self._hear(until)
            if getattr(told, "nonce", None) != item.nonce:
                raise Tampered("it told of a test that is not under way")
            if not isinstance(told, kind if heard else messages.Taken) and not (heard and isinstance(told, Crossed)):
                raise Tampered(f"it told out of turn ({type(told).__name__.lower()})")
            heard.append(told)

    async def _say(self, message: msgspec.Struct, until: float) -> None:
        async with asyncio.timeout_at(until):
            # That nobody reads it is found out by listening.
            with suppress(ConnectionError):
                self._orders.write(messages.encoded(message))
                await self._orders.drain()

    async def _hear(self, until: float) -> AnyTold:
        """The next line. Raises ``TimeoutError``, ``Tampered``, ``Gone``."""
        try:
            async with asyncio.timeout_at(until):
                line = await self._lines.readline()
        except ValueError:
            _distrust("a line longer than any that is told")
        if not line.endswith(b"\n"):
            raise Gone(await self._code())
        self._heard += len(line)
        if self._heard > messages.MAX_TOLD:
            _distrust("more than there is to tell")
        try:
            return messages.told(line)
        except (msgspec.MsgspecError, RecursionError):
            _distrust("a line that says nothing known")

    async def _code(self) -> int | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_S):
                return await self._process.wait()
        return self._process.returncode

    def _until(self, seconds: float) -> float:
        return min(self._now() + seconds, self._deadline)


@asynccontextmanager
async def conversation(plan: Plan, order: Order, deadline: float) -> AsyncIterator[Conversation]:
    """A process that is there, and afterwards, whatever happens, is not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "whisperer_kernel.verify.isolation.launcher",
        msgspec.json.encode(plan).decode(),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=bare_environment(plan.folder),
        start_new_session=True,
        limit=messages.MAX_LINE,
    )
    try:
        yield Conversation(process, plan, order, deadline)
    finally:
        await _ended(process)
        # It has removed it, unless it was killed.
        shutil.rmtree(plan.folder, ignore_errors=True)


async def _ended(process: Process) -> None:
    """Let go of its standard input, with which it ends; where that does not help, end it and its group."""
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101 - the same
    process.stdin.close()
    for is_last in (False, True):
        try:
            async with asyncio.timeout(GRACE_S):
                while await process.stdout.read(messages.MAX_LINE):
                    pass
                await process.wait()
                return
        except TimeoutError:
            if not is_last:
                _kill(process)


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "it closed the pipe by which it tells"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _distrust(what: str) -> NoReturn:
    raise Tampered(f"it wrote {what} to the pipe by which results are told") from None
