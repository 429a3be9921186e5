"""Entries on their way to being seen: one after the other as their numbers say, each as soon as it counts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from whisperer_kernel.events import Entry


class Waiting(msgspec.Struct):
    """An entry that waits for its turn; ``durable`` is None where it need not be saved first."""

    entry: Entry
    durable: asyncio.Task[None] | None


class Pending:
    """Those of one log. ``take`` is given each when it and all before it count, unless they are ``void``."""

    def __init__(self, take: Callable[[Entry], None]) -> None:
        self._take = take
        self._waiting: deque[Waiting] = deque()
        # Another process's log is the log now: what it does not hold must not be seen.
        self.void = False

    @property
    def first(self) -> int | None:
        """The number of the first that waits."""
        return self._waiting[0].entry.seq if self._waiting else None

    def add(self, entry: Entry, durable: asyncio.Task[None] | None) -> Waiting:
        """The next entry."""
        waiting = Waiting(entry, durable)
        self._waiting.append(waiting)
        return waiting

    def drain(self) -> None:
        """Have those taken that count by now."""
        while self._waiting and ((durable := self._waiting[0].durable) is None or durable.done()):
            entry = self._waiting.popleft().entry
            if not self.void:
                self._take(entry)

    def clear(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self.void = False
