"""A live session's log: each event gets its number, counts as soon as it may, and is published in order.

Chunks are published at once and saved with others of their turn within a second; every other event is durable before
anybody sees it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from whisperer_kernel.errors import LeaseLost, StoreError
from whisperer_kernel.events import ACTIVE, FAILED, AIMessageChunk, Entry, Event, SessionStatus
from whisperer_kernel.sessions.logrows import Chunk, read_row
from whisperer_kernel.sessions.logwriter import BLOCK, LogWriter
from whisperer_kernel.sessions.pending import Pending
from whisperer_kernel.sessions.replay import ReplayWindow
from whisperer_kernel.sessions.store import LogRow, SessionChanges, Store

CHECKPOINT_S = 1.0
READ_AT_ONCE = 256
"""Entries of a log that is read before everybody else has the loop."""

log = logging.getLogger(__name__)


class SessionLog:
    """The log of one session, written while this process runs the session and read while another does.

    Each entry is given to ``apply`` and then to ``publish`` as soon as it counts: a chunk at once, anything else when
    it is durable; in order, none twice. ``lost`` is called when another process turns out to run the session.
    """

    def __init__(  # noqa: PLR0913 - one log is made in one place, with all it needs by name
        self,
        store: Store,
        session_id: str,
        runner: str,
        *,
        replay_events: int,
        apply: Callable[[Entry], None],
        publish: Callable[[Entry], None],
        lost: Callable[[], None],
    ) -> None:
        self._store = store
        self._session_id = session_id
        self._apply = apply
        self._publish = publish
        self._lost = lost
        self._writer = LogWriter(store, session_id, runner)
        self._window = ReplayWindow(replay_events)
        self._pending = Pending(self._take)
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure_told = False

    @property
    def seq(self) -> int:
        """The number of the last entry that counts."""
        waiting = self._pending.first
        return self._writer.last_seq if waiting is None else waiting - 1

    @property
    def recovered(self) -> int:
        """The first number after the last crash; 0 where there was none."""
        return self._window.recovered

    @property
    def held_bytes(self) -> int:
        """The bytes of the events that are kept to be replayed."""
        return self._window.held_bytes

    async def read(self) -> None:
        """Take what the store holds beyond what is known here. Raises ``StoreError``."""
        rows = await self._store.read(self._session_id, self._writer.last_seq)
        replayable = rows[-1].seq - self._window.size if rows else 0
        since_others = 0
        for row in rows:
            since_others += self._take_row(row, is_old=row.seq <= replayable)
            if since_others >= READ_AT_ONCE:
                since_others = 0
                await asyncio.sleep(0)
        self._pending.drain()

    def lead(self, reserved: int) -> bool:
        """Write from here on. True: whoever wrote before did not stop in good order, numbers go on above his block."""
        crashed = self._writer.lead(reserved)
        if crashed:
            self._window.gap(reserved + 1)
        return crashed

    def reset(self) -> None:
        """Forget everything, to be read anew from the store."""
        self._stop_timer()
        self._writer.reset()
        self._window.clear()
        self._pending.clear()
        self._failure_told = False

    def keeps(self, seq: int) -> bool:
        """Whether every entry after ``seq`` is here; not where some are too old, or ``seq`` lies beyond the log."""
        return self._window.keeps(seq)

    def since(self, seq: int, most: int | None = None) -> list[Entry] | None:
        """The entries after ``seq``, the first ``most`` of them; None where it does not keep them all."""
        return self._window.since(seq, most)

    def stream(self, chunk: Chunk) -> None:
        """Number a chunk and publish it; it is saved within a second."""
        room = self._in_background(self._save()) if self._writer.left <= 0 else None
        self._pending.add(self._writer.take_in(chunk), room)
        self._pending.drain()
        if self._timer is None:
            self._start_timer()
        if room is None and self._writer.left == BLOCK // 2:
            self._in_background(self._save())

    async def append(self, event: Event, changes: SessionChanges | None = None) -> None:
        """Make an event durable, then publish it.

        Raises ``StoreError`` where it cannot be saved: a status tells of the failure instead, but for the end of a
        turn, which is told all the same so that no answer is lost.
        """
        # Shielded: a caller that is cancelled must not tear a write that others share.
        await asyncio.shield(self._in_background(self._append(event, changes or SessionChanges())))

    async def tell(self, event: Event) -> None:
        """Append what has happened already, whether or not it can be saved; the log says so where it cannot."""
        try:
            await self.append(event)
        except StoreError:
            # Logged, and shown to the user as the session's status: nothing is left to do here.
            return

    async def insist(self, event: Event) -> None:
        """Append what must not be lost, as soon as the store can be written to; nobody sees it before."""
        while True:
            try:
                await self.append(event)
            except LeaseLost:
                return
            except StoreError:
                await self._writer.writable()
            else:
                return

    def say(self, event: Event) -> None:
        """Tell what no log will hold, as the session has none any more."""
        self._take(self._writer.number(event))

    async def change(self, changes: SessionChanges) -> None:
        """Change the session's row without an event. Raises ``StoreError``."""
        await self._save(changes)

    async def close(self) -> None:
        """Save what is left and give the session back. Raises ``StoreError``."""
        try:
            await self._settled()
            await self._save()
            await self._settled()
        finally:
            self._stop_timer()
        await self._writer.release()

    def _take_row(self, row: LogRow, *, is_old: bool) -> int:
        """Take a row of the store; how many entries it held.

        An old one will not be replayed event by event and only has to count: a long log is not taken apart for it.
        """
        first, entries = read_row(row, merged=is_old)
        if first > self._writer.last_seq + 1:
            self._window.gap(first)
        self._writer.last_seq = row.seq
        for entry in entries:
            if is_old:
                self._window.skip(entry.seq)
                self._apply(entry)
            else:
                self._take(entry)
        return len(entries)

    def _take(self, entry: Entry) -> None:
        self._window.add(entry)
        self._apply(entry)
        self._publish(entry)

    async def _settled(self) -> None:
        self._stop_timer()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(CHECKPOINT_S, self._checkpoint_due)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _checkpoint_due(self) -> None:
        self._timer = None
        self._in_background(self._checkpoint(is_retry=self._writer.failed is not None))

    async def _checkpoint(self, *, is_retry: bool) -> None:
        """Save what is there. A store that has failed is tried again, since none tells when it can be written to."""
        try:
            await self._save()
        except StoreError:
            # The first failure is logged.
            if not is_retry:
                raise

    def _in_background(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("session %s: %s", self._session_id, error)
        self._pending.drain()

    async def _append(self, event: Event, changes: SessionChanges) -> None:
        await self._ready(event)
        waiting = self._pending.add(self._writer.take_in(event), asyncio.current_task())
        try:
            await self._save(changes)
        except StoreError as error:
            if not isinstance(event, AIMessageChunk):
                waiting.entry = self._writer.substitute(waiting.entry, SessionStatus(status=FAILED, reason=str(error)))
                self._failure_told = True
            raise

    async def _ready(self, event: Event) -> None:
        """Wait for the store before ``event`` takes a number: chunks of a turn that runs would wait behind it.

        Raises ``StoreError``, after it has told what ``append`` promises.
        """
        is_end = isinstance(event, AIMessageChunk)
        if self._writer.failed is not None:
            if not is_end:
                await self._save()
            return
        try:
            await self._store.ready()
        except StoreError as error:
            if is_end or self._writer.failed is None:
                told = event if is_end else SessionStatus(status=FAILED, reason=str(error))
                self._pending.add(self._writer.take_in(told), None)
                self._failure_told = self._failure_told or not is_end
            self._writer.refused(error)
            self._start_timer()
            self._pending.drain()
            raise

    async def _save(self, changes: SessionChanges | None = None) -> None:
        """Write everything unsaved. A store that does not take it is tried again by and by. Raises ``StoreError``."""
        try:
            await self._writer.save(changes or SessionChanges())
        except LeaseLost:
            self._pending.void = True
            self._lost()
            raise
        except StoreError:
            self._start_timer()
            raise
        if self._failure_told and self._writer.failed is None:
            # Who was told that the store takes nothing is told that it does.
            self._failure_told = False
            self._in_background(self.append(SessionStatus(status=ACTIVE)))
