"""The sessions in this process's memory: how they come in, for whom they stay, and how they leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from whisperer_kernel.errors import LimitReached, StoreError
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.session import StatelessInteractiveSession
from whisperer_kernel.sessions.store import SessionRow
from whisperer_kernel.sessions.subscribers import Subscriber

BEAT_S = 1.0

log = logging.getLogger(__name__)


class LiveSessions:
    """By their ids, each once. ``entered`` is called with each that comes in, before anybody else has it."""

    def __init__(self, services: Services, entered: Callable[[StatelessInteractiveSession], None]) -> None:
        self._services = services
        self._entered = entered
        self._live: dict[str, StatelessInteractiveSession] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Sessions that have left memory while somebody was connected, who is shown them again when they come back.
        self._left: dict[str, StatelessInteractiveSession] = {}
        self._coming = 0
        self._grace: dict[str, asyncio.TimerHandle] = {}
        self._dropping: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[StatelessInteractiveSession]:
        return iter(list(self._live.values()))

    def get(self, session_id: str) -> StatelessInteractiveSession | None:
        """The session, where it is live."""
        return self._live.get(session_id)

    def of(self, owner: str) -> list[StatelessInteractiveSession]:
        """Those of one owner."""
        return [session for session in self if session.row.owner == owner]

    # --- coming in --------------------------------------------------------------------------------------------------

    async def create(self, row: SessionRow, *, new: bool) -> StatelessInteractiveSession | SessionRow:
        """A new session; or the row of the one that its kernel or notebook has already, unless it must be ``new``."""
        # Locked before anybody else can find it.
        async with self._lock(row.id):
            with self._place():
                await self._make_room()
                found = await self._services.store.create(row, self._services.runner, new=new)
                return await self._enter(row) if found is None else found

    async def bring_back(self, row: SessionRow) -> StatelessInteractiveSession:
        """The session, live; who was connected when it left is shown it again."""
        async with self._lock(row.id):
            if (session := self._live.get(row.id)) is not None:
                return session
            with self._place():
                await self._make_room()
                session = await self._enter(row)
            if (left := self._left.pop(row.id, None)) is not None:
                left.hand_subscribers(session)
            self.start_grace(session)
            return session

    async def _enter(self, row: SessionRow) -> StatelessInteractiveSession:
        session = StatelessInteractiveSession(self._services, row, self._deleted)
        await session.lease.enter()
        self._live[session.id] = session
        self._entered(session)
        if self._beating is None:
            self._beating = asyncio.get_running_loop().create_task(self._beat())
        return session

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A session is coming in: it counts already."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1

    def _lock(self, name: str) -> asyncio.Lock:
        """Who brings a session in or out does it alone."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock

    async def _make_room(self) -> None:
        """A session nobody is connected to gives way to a new one."""
        limit = self._services.config.limits.max_sessions
        if len(self._live) + self._coming > limit and self._grace:
            await self.leave(self._live[next(iter(self._grace))])
        if len(self._live) + self._coming > limit:
            raise LimitReached(f"{limit} sessions are live on this server already; stop one first.", "max_sessions")

    # --- staying ----------------------------------------------------------------------------------------------------

    def subscribe(
        self, session: StatelessInteractiveSession, subscriber: Subscriber, after_seq: int | None = None
    ) -> None:
        """Show the session to a connection: every event after ``after_seq``, or from here on."""
        if subscriber.keeps_alive:
            self._end_grace(session.id)
        session.subscribe(subscriber, after_seq)

    def lost(self, session_id: str) -> None:
        """A connection to it broke."""
        session = self._live.get(session_id)
        if session is not None and session.watch is not None:
            session.watch.dropped()

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """A connection is gone."""
        session = self._live.get(session_id)
        if session is not None:
            session.subscribers.remove(subscriber)
            self.start_grace(session)
        elif (left := self._left.get(session_id)) is not None:
            left.subscribers.remove(subscriber)
            if not left.subscribers:
                del self._left[session_id]

    def start_grace(self, session: StatelessInteractiveSession) -> None:
        """Where no connection is there for which it stays in memory, it does for ``limits.resume_grace_s``."""
        if session.subscribers.keep_alive or session.id in self._grace or self._closed:
            return
        loop = asyncio.get_running_loop()
        delay = self._services.config.limits.resume_grace_s
        self._grace[session.id] = loop.call_later(delay, self._grace_over, session)

    def _grace_over(self, session: StatelessInteractiveSession) -> None:
        del self._grace[session.id]
        if session.hands.is_awaited():
            self.start_grace(session)
        else:
            self.drop(session)

    def _end_grace(self, session_id: str) -> None:
        if (timer := self._grace.pop(session_id, None)) is not None:
            timer.cancel()

    async def _beat(self) -> None:
        """Tell the peers that share the store, once a second, that this process still runs its sessions."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._live:
                try:
                    for session_id in await self._services.store.beat(self._services.runner):
                        if (session := self._live.get(session_id)) is not None:
                            await session.lease.hand_over()
                except StoreError as error:
                    log.warning("no sign of life could be given: %s", error)

    # --- leaving ----------------------------------------------------------------------------------------------------

    def drop(self, session: StatelessInteractiveSession) -> None:
        """Have a session leave memory; its turn is cancelled, its log stays."""
        task = asyncio.get_running_loop().create_task(self.leave(session))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def leave(self, session: StatelessInteractiveSession) -> None:
        """Like ``drop``; it has left when this returns."""
        async with self._lock(session.id):
            if self._live.get(session.id) is not session:
                return
            self._end_grace(session.id)
            # First, so that who asks for it from now on waits for the lock and brings it back.
            del self._live[session.id]
            await session.close("cancelled")
            _ended(session)
            if session.subscribers:
                self._left[session.id] = session

    def forget(self, session_id: str) -> None:
        """It has left for good: who was connected is not shown it again."""
        self._left.pop(session_id, None)

    def _deleted(self, session: StatelessInteractiveSession) -> None:
        """Another server has deleted it."""
        if self._live.get(session.id) is session:
            del self._live[session.id]
            _ended(session)
        self._end_grace(session.id)

    async def aclose(self) -> None:
        """The process ends: running turns end as ``interrupted``, logs are given back."""
        self._closed = True
        for timer in self._grace.values():
            timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
        sessions, self._live = list(self._live.values()), {}
        await asyncio.gather(*(session.close("interrupted") for session in sessions), *self._dropping)


def _ended(session: StatelessInteractiveSession) -> None:
    if session.watch is not None:
        session.watch.end()
