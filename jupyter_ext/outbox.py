"""Frames on their way to one client: bounded, in order, and never in the way of others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Outbox:
    """Takes frames at once and writes them as fast as the client reads.

    ``write`` returns when the client has taken the frames; ``overflow`` is called once, when more than ``limit`` bytes
    wait for a client that does not read. What is sent at once while nothing waits, a long replay above all, is no sign
    of that and does not count.
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
            self._flusher = asyncio.get_running_loop().create_task(self._flush())

    def close(self) -> None:
        """Send nothing more and forget what waits."""
        self._closed = True
        self._frames.clear()
        if self._flusher is not None:
            self._flusher.cancel()

    async def _flush(self) -> None:
        """Write all that came within one tick of the loop together, wait for the client, and look again."""
        self._writing = True
        while self._frames:
            frames = list(self._frames)
            self._frames.clear()
            await self._write(frames)
            self._waiting -= sum(map(len, frames))
            self._burst = 0
        self._writing = False
        self._flusher = None
