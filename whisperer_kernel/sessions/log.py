"""A live session's log: numbers each event, makes it durable, and publishes in order.

Chunks are published at once and saved with others of their turn within a second; every other event is durable before
anybody sees it. So that a number is never used twice, also after a crash, numbers are reserved durably in blocks.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import msgspec

from whisperer_kernel.errors import LeaseLost, StoreError
from whisperer_kernel.events import (
    ACTIVE,
    FAILED,
    AIMessageChunk,
    AIReasoningChunk,
    Entry,
    Event,
    SessionStatus,
    decode,
    encode,
)
from whisperer_kernel.sessions.store import LogRow, SessionChanges, Store

BLOCK = 1_000
CHECKPOINT_S = 1.0
READ_AT_ONCE = 256
"""Entries of a log that is read before everybody else has the loop."""

Chunk = AIMessageChunk | AIReasoningChunk
log = logging.getLogger(__name__)


def now() -> str:
    """This moment, ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Parts(msgspec.Struct):
    """The lengths of the chunks in a row, and when the first came; the row's own time is the last's."""

    parts: list[int] = []
    began: str = ""


def pack(entries: Sequence[Entry]) -> list[LogRow]:
    """Log rows for entries. Neighbouring chunks of one turn share a row that remembers where each began and ended."""
    rows: list[LogRow] = []
    run: list[Entry] = []
    for entry in entries:
        if run and not _joins(run[-1], entry):
            rows.append(_row(run))
            run = []
        run.append(entry)
    return [*rows, _row(run)] if run else rows


def unpack(rows: Iterable[LogRow]) -> list[Entry]:
    """The entries that ``pack`` was given."""
    return [entry for row in rows for entry in _read(row)[1]]


def _joins(last: Entry, entry: Entry) -> bool:
    first, second = last.event, entry.event
    if not (isinstance(first, AIMessageChunk | AIReasoningChunk) and type(first) is type(second)):
        return False
    ends = isinstance(first, AIMessageChunk) and first.is_final
    return not ends and first.message_id == second.message_id


def _row(run: Sequence[Entry]) -> LogRow:
    last = run[-1]
    if len(run) == 1:
        return LogRow(last.seq, last.event.method, last.ts, last.body)
    texts = [entry.event.chunk for entry in run if isinstance(entry.event, AIMessageChunk | AIReasoningChunk)]
    body = encode(msgspec.structs.replace(last.event, chunk="".join(texts)))
    parts = msgspec.json.encode([len(text) for text in texts])
    more = b',"parts":%s,"began":"%s"}' % (parts, run[0].ts.encode())
    return LogRow(last.seq, last.event.method, last.ts, body[:-1] + more)


def _read(row: LogRow, *, merged: bool = False) -> tuple[int, list[Entry]]:
    """The first number in a row, and its events, or where they are to be ``merged`` the one that they come to."""
    try:
        shared = msgspec.json.decode(row.payload, type=_Parts)
        event = decode(row.type, row.payload)
    except (msgspec.MsgspecError, KeyError) as error:
        raise StoreError(f"This session's log is damaged at event {row.seq}.", reason="DAMAGED") from error
    first = row.seq - max(len(shared.parts), 1) + 1
    if merged or not (shared.parts and isinstance(event, AIMessageChunk | AIReasoningChunk)):
        return first, [Entry(row.seq, shared.began or row.ts, event, row.payload)]
    return first, _apart(row, event, shared)


def _apart(row: LogRow, event: Chunk, shared: _Parts) -> list[Entry]:
    ends = [0]
    for length in shared.parts:
        ends.append(ends[-1] + length)
    texts = [event.chunk[start:end] for start, end in pairwise(ends)]
    blank = msgspec.structs.replace(event, chunk="")
    if isinstance(blank, AIMessageChunk):
        blank = AIMessageChunk(message_id=blank.message_id, agent=blank.agent)
    events: list[Chunk] = [msgspec.structs.replace(blank, chunk=text) for text in texts[:-1]]
    events.append(msgspec.structs.replace(event, chunk=texts[-1]))
    first = row.seq - len(events) + 1
    times = [shared.began or row.ts, *[row.ts] * (len(events) - 1)]
    return [
        Entry(first + index, ts, chunk, encode(chunk))
        for index, (ts, chunk) in enumerate(zip(times, events, strict=True))
    ]


class _Pending(msgspec.Struct):
    """An entry that waits for its turn to be published; ``durable`` is None where it need not be saved first."""

    entry: Entry
    durable: asyncio.Task[None] | None


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
        self._runner = runner
        self._apply = apply
        self._publish = publish
        self._lost = lost
        self._session_id = session_id
        self.last_seq = 0
        # The first number after the last gap: what a crashed process may have sent before it is not in the log.
        self.recovered = 0
        self._reserved = 0
        self._applied: deque[Entry] = deque(maxlen=replay_events)
        self._pending: deque[_Pending] = deque()
        self._is_lost = False
        self._unsaved: list[Entry] = []
        self._saving = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed: StoreError | None = None
        self._failures = 0
        # Set while the store takes what it is given.
        self._takes = asyncio.Event()
        self._takes.set()
        self._failure_told = False

    @property
    def seq(self) -> int:
        """The number of the last entry that counts."""
        return self._pending[0].entry.seq - 1 if self._pending else self.last_seq

    async def read(self) -> None:
        """Take what the store holds beyond what is known here. Raises ``StoreError``."""
        rows = await self._store.read(self._session_id, self.last_seq)
        replayable = rows[-1].seq - (self._applied.maxlen or 0) if rows else 0
        since_others = 0
        for row in rows:
            since_others += self._take_row(row, is_old=row.seq <= replayable)
            if since_others >= READ_AT_ONCE:
                since_others = 0
                await asyncio.sleep(0)
        self._drain()

    def lead(self, reserved: int) -> bool:
        """Write from here on. True: whoever wrote before did not stop in good order, numbers go on above his block."""
        self._reserved = reserved
        crashed = reserved > self.last_seq
        if crashed:
            self._gap(reserved + 1)
            self.last_seq = reserved
        return crashed

    def reset(self) -> None:
        """Forget everything, to be read anew from the store."""
        self._stop_timer()
        self.last_seq = self.recovered = 0
        self.failed = None
        self._takes.set()
        self._is_lost = self._failure_told = False
        for kept in (self._applied, self._pending, self._unsaved):
            kept.clear()

    def keeps(self, seq: int) -> bool:
        """Whether every entry after ``seq`` is here; not where some are too old, or ``seq`` lies beyond the log."""
        return max(self._first - 1, self.recovered) <= seq <= self.seq

    def since(self, seq: int, most: int | None = None) -> list[Entry] | None:
        """The entries after ``seq``, the first ``most`` of them; None where it does not keep them all."""
        if not self.keeps(seq):
            return None
        # Their numbers have no gap.
        start = seq + 1 - self._first
        return list(islice(self._applied, start, None if most is None else start + most))

    def stream(self, chunk: Chunk) -> None:
        """Number a chunk and publish it; it is saved within a second."""
        room = None
        if self.last_seq >= self._reserved:
            room = self._in_background(self._save(SessionChanges()))
        entry = self._number(chunk)
        self._pending.append(_Pending(entry, room))
        self._drain()
        if self._timer is None:
            self._start_timer()
        if room is None and self._reserved - self.last_seq == BLOCK // 2:
            self._in_background(self._save(SessionChanges()))

    async def append(self, event: Event, changes: SessionChanges | None = None) -> None:
        """Make an event durable, then publish it.

        Raises ``StoreError`` where it cannot be saved: its number then tells of the failure instead, but for the end of
        a turn, which is told all the same so that no answer is lost.
        """
        if self.failed is not None and not isinstance(event, AIMessageChunk):
            await self._save(SessionChanges())
        pending = _Pending(self._number(event), None)
        pending.durable = self._in_background(self._save_pending(pending, changes or SessionChanges()))
        self._pending.append(pending)
        # Shielded: a caller that is cancelled must not tear a write that others share.
        await asyncio.shield(pending.durable)

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
                await self._takes.wait()
            else:
                return

    def say(self, event: Event) -> None:
        """Tell what no log will hold, as the session has none any more."""
        self.last_seq += 1
        self._take(Entry(self.last_seq, now(), event, encode(event)))

    async def change(self, changes: SessionChanges) -> None:
        """Change the session's row without an event. Raises ``StoreError``."""
        await self._save(changes)

    async def close(self) -> None:
        """Save what is left and give the session back. Raises ``StoreError``."""
        try:
            await self._settled()
            await self._save(SessionChanges())
            await self._settled()
        finally:
            self._stop_timer()
        await self._store.release(self._session_id, self._runner, self.last_seq)

    @property
    def _first(self) -> int:
        """The number of the oldest entry that is kept, or of the next one where there is none."""
        return self._applied[0].seq if self._applied else self.seq + 1

    def _number(self, event: Event) -> Entry:
        self.last_seq += 1
        entry = Entry(self.last_seq, now(), event, encode(event))
        self._unsaved.append(entry)
        return entry

    def _drain(self) -> None:
        while self._pending and ((durable := self._pending[0].durable) is None or durable.done()):
            entry = self._pending.popleft().entry
            # What another process's log does not hold must not be seen, now that it is the log.
            if not self._is_lost:
                self._take(entry)

    def _take_row(self, row: LogRow, *, is_old: bool) -> int:
        """Take a row of the store; how many entries it held.

        An old one will not be replayed event by event and only has to count: a long log is not taken apart for it.
        """
        first, entries = _read(row, merged=is_old)
        if first > self.last_seq + 1:
            self._gap(first)
        self.last_seq = row.seq
        for entry in entries:
            if is_old:
                self._apply(entry)
            else:
                self._take(entry)
        return len(entries)

    def _take(self, entry: Entry) -> None:
        self._applied.append(entry)
        self._apply(entry)
        self._publish(entry)

    def _gap(self, first: int) -> None:
        """Numbers go on at ``first``: nobody can be brought from before it to after it event by event."""
        self._applied.clear()
        self.recovered = first

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
        self._in_background(self._checkpoint(is_retry=self.failed is not None))

    async def _checkpoint(self, *, is_retry: bool) -> None:
        """Save what is there. A store that has failed is tried again, since none tells when it can be written to."""
        try:
            await self._save(SessionChanges())
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
        self._drain()

    async def _save_pending(self, pending: _Pending, changes: SessionChanges) -> None:
        try:
            await self._save(changes)
        except StoreError as error:
            if not isinstance(pending.entry.event, AIMessageChunk):
                self._substitute(pending, SessionStatus(status=FAILED, reason=str(error)))
                self._failure_told = True
            raise

    def _substitute(self, pending: _Pending, event: Event) -> None:
        """Numbers have no gap: an event that could not be saved gives its number to another."""
        entry = Entry(pending.entry.seq, pending.entry.ts, event, encode(event))
        self._unsaved = [entry if kept.seq == entry.seq else kept for kept in self._unsaved]
        pending.entry = entry

    async def _save(self, changes: SessionChanges) -> None:
        """Write everything unsaved, in order. What could not be written stays and is tried with the next save.

        A failure is that of all who waited for it too: were each to try by itself, a store that takes seconds to say no
        would keep the last of them waiting for minutes.
        """
        failures = self._failures
        async with self._saving:
            if self.failed is not None and self._failures != failures:
                raise self.failed
            entries, self._unsaved = self._unsaved, []
            reserved = self.last_seq + BLOCK if self._reserved - self.last_seq <= BLOCK // 2 else None
            changes = msgspec.structs.replace(changes, reserved=reserved)
            if not entries and changes == SessionChanges():
                return
            try:
                await self._store.append(self._session_id, self._runner, pack(entries), changes)
            except LeaseLost:
                self._is_lost = True
                self._lost()
                raise
            except StoreError as error:
                self._unsaved = entries + self._unsaved
                self.failed = error
                self._failures += 1
                self._takes.clear()
                self._start_timer()
                raise
            self._reserved = reserved or self._reserved
            self._recover()

    def _recover(self) -> None:
        """The store took what it was given; who was told that it does not is told that it does."""
        self.failed = None
        self._takes.set()
        if self._failure_told:
            self._failure_told = False
            self._in_background(self.append(SessionStatus(status=ACTIVE)))
