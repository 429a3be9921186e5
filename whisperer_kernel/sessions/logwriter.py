"""Numbers a log's entries and makes them durable, in order.

So that a number is never used twice, also after a crash, numbers are reserved durably in blocks.
"""

from __future__ import annotations

import asyncio

import msgspec

from whisperer_kernel.errors import LeaseLost, StoreError
from whisperer_kernel.events import Entry, Event, encode
from whisperer_kernel.sessions.logrows import pack
from whisperer_kernel.sessions.store import SessionChanges, Store, now

BLOCK = 1_000


class LogWriter:
    """One session's. What the store did not take stays, and is tried with the next ``save``."""

    def __init__(self, store: Store, session_id: str, runner: str) -> None:
        self._store = store
        self._session_id = session_id
        self._runner = runner
        self.last_seq = 0
        # Why the store did not take what it was given last.
        self.failed: StoreError | None = None
        self._failures = 0
        self._takes = asyncio.Event()
        self._takes.set()
        self._reserved = 0
        self._unsaved: list[Entry] = []
        self._saving = asyncio.Lock()

    @property
    def left(self) -> int:
        """How many numbers are reserved and not given out; below one, none may be published that is not saved."""
        return self._reserved - self.last_seq

    def lead(self, reserved: int) -> bool:
        """Write from here on. True: whoever wrote before did not stop in good order, numbers go on above his block."""
        self._reserved = reserved
        crashed = reserved > self.last_seq
        self.last_seq = max(reserved, self.last_seq)
        return crashed

    def reset(self) -> None:
        """Forget everything."""
        self.last_seq = 0
        self.failed = None
        self._takes.set()
        self._unsaved.clear()

    def number(self, event: Event) -> Entry:
        """The event under the next number."""
        self.last_seq += 1
        return Entry(self.last_seq, now(), event, encode(event))

    def take_in(self, event: Event) -> Entry:
        """The event under the next number, to be saved with the next ``save``."""
        entry = self.number(event)
        self._unsaved.append(entry)
        return entry

    def substitute(self, refused: Entry, event: Event) -> Entry:
        """Numbers have no gap: an event that could not be saved gives its number to another."""
        entry = Entry(refused.seq, refused.ts, event, encode(event))
        self._unsaved = [entry if kept.seq == entry.seq else kept for kept in self._unsaved]
        return entry

    async def save(self, changes: SessionChanges) -> None:
        """Write everything unsaved, in order, and change the session's row. Raises ``StoreError``, ``LeaseLost``.

        A failure is that of all who waited for it too: were each to try by itself, a store that takes seconds to say no
        would keep the last of them waiting for minutes.
        """
        failures = self._failures
        async with self._saving:
            if self.failed is not None and self._failures != failures:
                raise self.failed
            entries, self._unsaved = self._unsaved, []
            reserved = self.last_seq + BLOCK if self.left <= BLOCK // 2 else None
            changes = msgspec.structs.replace(changes, reserved=reserved)
            if not entries and changes == SessionChanges():
                return
            try:
                await self._store.append(self._session_id, self._runner, pack(entries), changes)
            except LeaseLost:
                raise
            except StoreError as error:
                self._unsaved = entries + self._unsaved
                self.refused(error)
                raise
            self._reserved = reserved or self._reserved
            self.failed = None
            self._takes.set()

    def refused(self, error: StoreError) -> None:
        """The store does not take what it is given."""
        self.failed = error
        self._failures += 1
        self._takes.clear()

    async def writable(self) -> None:
        """Wait until the store takes what it is given."""
        await self._takes.wait()

    async def release(self) -> None:
        """Give the session back. Raises ``StoreError``."""
        await self._store.release(self._session_id, self._runner, self.last_seq)
