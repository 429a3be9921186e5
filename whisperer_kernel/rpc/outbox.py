"""Frames on their way to one client: bounded, in order, and never in the way of others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

SLICE = 32
"""Frames that are written before everybody else has the loop."""


class Outbox:
    """Takes frames at once and writes them as fast as the client reads.

    ``write`` returns when the client has taken the frames; ``overflow`` is called once, when more than ``limit`` bytes
    wait for a client that does not read. What is sent at once while nothing waits, a snapshot above all, is no sign of
    that and does not count.
    """

    def __init__(self, write: Callable[[list[str]], Awaitable[None]], overflow: Callable[[], None], limit: int) -> None:
        self._write = write
        self._overflow = overflow
        self._limit = limit
        self._frames: deque[str] = deque()
        self._waiting = 0
        self._burst = 0
        self._writing = False
        self._flusher: asyncio.Task[None] | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False

    def send(self, frame: str) -> None:
        """Take a frame. After an overflow or ``close`` it is dropped: the client resumes and gets it then."""
        if self._closed:
            return
        self._frames.append(frame)
        # Characters, not bytes: near enough for a bound, and free.
        self._waiting += len(frame)
        if not self._writing:
            self._burst += len(frame)
        if self._waiting - self._burst > self._limit:
            self.close()
            self._overflow()
        elif self._flusher is None:
            self._empty.clear()
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    async def emptied(self) -> None:
        """Wait until the client has taken what was sent, or nothing more is sent."""
        await self._empty.wait()

    def close(self) -> None:
        """Send nothing more and forget what waits."""
        self._closed = True
        self._frames.clear()
        self._empty.set()
        if self._flusher is not None:
            self._flusher.cancel()

    async def _flush(self) -> None:
        """Write what came within one tick of the loop together, wait for the client, and look again."""
        self._writing = True
        while self._frames:
            frames = [self._frames.popleft() for _ in range(min(SLICE, len(self._frames)))]
            await self._write(frames)
            size = sum(map(len, frames))
            self._waiting -= size
            self._burst = max(self._burst - size, 0)
        self._writing = False
        self._flusher = None
        self._empty.set()
