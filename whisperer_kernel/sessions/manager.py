"""Which sessions are live in this process, and how they come and go."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from whisperer_kernel.errors import LimitReached, NoSuchSession, StoreError
from whisperer_kernel.events import STOPPED
from whisperer_kernel.sessions.export import Exported, Format, export
from whisperer_kernel.sessions.kernels import AtKernel, Kernels
from whisperer_kernel.sessions.logrows import unpack
from whisperer_kernel.sessions.metrics import Metrics, Watch
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.session import StartParams, StatelessInteractiveSession
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import Page, SessionRow, now
from whisperer_kernel.sessions.subscribers import Subscriber
from whisperer_kernel.tools.tool import Tool

BEAT_S = 1.0

log = logging.getLogger(__name__)


class KernelConnection(AtKernel, Protocol):
    """A connection that carries tools out in a kernel's sessions."""

    def attach(self, manager: StatelessSessionManager, session: StatelessInteractiveSession) -> None:
        """Be shown the session."""
        ...

    def tools_in(self, session: StatelessInteractiveSession) -> list[Tool]:
        """What it carries out there."""
        ...


class StatelessSessionManager:
    """The live sessions. A session that is not here is in the store, and is brought back when somebody asks for it."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.metrics = Metrics()
        self._metrics_of: defaultdict[str, Metrics] = defaultdict(Metrics)
        self._live: dict[str, StatelessInteractiveSession] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Sessions that have left memory while somebody was connected, who is shown them again when they come back.
        self._left: dict[str, StatelessInteractiveSession] = {}
        self._coming = 0
        self._grace: dict[str, asyncio.TimerHandle] = {}
        self._kernels: Kernels[KernelConnection] = Kernels()
        self._dropping: set[asyncio.Task[None]] = set()
        self._beating: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def live(self) -> int:
        """How many sessions are live."""
        return len(self._live)

    async def start(self, owner: str, params: StartParams) -> tuple[StatelessInteractiveSession, bool]:
        """A new session, or the one that this kernel or notebook has already (then True).

        A new one has no events yet: whoever started it subscribes and then has it ``begin``.
        """
        place = self._place_of(params.notebook)
        row = self._new_row(owner, params, place)
        # Locked before anybody else can find it.
        async with self._lock(row.id):
            with self._place():
                await self._make_room()
                found = await self.services.store.create(row, self.services.runner, new=params.new)
                if found is None:
                    return await self._enter(row), False
        session = await self.resume(found.id, owner)
        await session.place(params.kernel_id, place)
        self.give_kernel(session)
        return session, True

    async def resume(self, session_id: str, owner: str) -> StatelessInteractiveSession:
        """The session, live, whatever it was before. Raises ``NoSuchSession``."""
        live = self._live.get(session_id)
        if live is not None and live.row.owner == owner and live.state.status == STOPPED:
            # It is about to be dropped: who resumes it gets it as it comes back.
            await self._leave(live)
        return await self._load(session_id, owner, also_stopped=True)

    async def session(self, session_id: str, owner: str) -> StatelessInteractiveSession:
        """The session, run by this process; a stopped one has to be resumed first, ``NoSuchSession`` until then."""
        session = await self._load(session_id, owner, also_stopped=False)
        await session.lead()
        return session

    async def read(self, session_id: str, owner: str) -> SessionState:
        """What the session is, without making it live."""
        row = await self._row(session_id, owner)
        if (session := self._live.get(session_id)) is not None:
            return session.state
        state = SessionState()
        state.apply_all(unpack(await self.services.store.read(row.id, 0)))
        return state

    async def export(self, session_id: str, owner: str, form: Format) -> str:
        """The session as the text of a file. Raises ``NoSuchSession``."""
        row, state = await self._row(session_id, owner), await self.read(session_id, owner)
        exported = Exported(
            session_id=session_id,
            title=state.title or row.title,
            notebook=self.notebook_of(row),
            created=row.created,
            agents={spec.id: spec.name for spec in self.services.agents.all()},
            messages=state.history(),
            plans=[*state.plans.values()],
            reports=[*state.reports.values()],
        )
        # Apart from the loop: a long conversation takes its time.
        return await asyncio.to_thread(export, exported, form)

    async def stop(self, session_id: str, owner: str) -> StatelessInteractiveSession | None:
        """Stop a session; it stays live until it is dropped. None: it was stopped and released already."""
        row = await self._row(session_id, owner)
        if session_id not in self._live and row.status == STOPPED:
            return None
        session = await self._load(session_id, owner, also_stopped=True)
        await session.lead()
        await session.stop()
        return session

    async def delete(self, session_id: str, owner: str) -> None:
        """Remove a session and its log; who is connected is told that it is stopped."""
        session = await self._load(session_id, owner, also_stopped=True)
        await session.lead()
        await session.stop()
        await self._leave(session)
        self._left.pop(session_id, None)
        await self.services.store.delete(session_id)

    async def page(self, owner: str, limit: int, cursor: str | None) -> Page:
        """The owner's sessions, newest first."""
        return await self.services.store.page(owner, limit, cursor)

    def notebook_of(self, row: SessionRow) -> str | None:
        """The session's notebook as this server calls it; another server's by its whole path."""
        root = self.services.workspace
        return row.notebook if row.notebook is None or root is None else row.notebook.removeprefix(f"{root.resolve()}/")

    async def moved(self, notebook: str, to: str | None) -> None:
        """A notebook or a folder was renamed, or deleted (None): a new one of the old name is another."""
        old, new = self._place_of(notebook) or "", self._place_of(to)
        await self.services.store.moved(old, new)
        for session in self._live.values():
            session.row.notebook = moved(session.row.notebook, old, new)

    def metrics_of(self, owner: str) -> Metrics:
        """Of all that one owner's sessions have done in this process."""
        return self._metrics_of[owner]

    def live_of(self, owner: str | None = None) -> list[StatelessInteractiveSession]:
        """The live sessions of an owner; None: of everybody."""
        return [session for session in self._live.values() if owner in {None, session.row.owner}]

    def subscribe(
        self, session: StatelessInteractiveSession, subscriber: Subscriber, after_seq: int | None = None
    ) -> None:
        """Show the session to a connection: every event after ``after_seq``, or from here on."""
        if subscriber.keeps_alive and (timer := self._grace.pop(session.id, None)) is not None:
            timer.cancel()
        session.subscribe(subscriber, after_seq)

    def lost(self, session_id: str) -> None:
        """A connection to it broke."""
        session = self._live.get(session_id)
        if session is not None and session.watch is not None:
            session.watch.dropped()

    def unsubscribe(self, session_id: str, subscriber: Subscriber) -> None:
        """A connection is gone. After the last one a session stays in memory for ``limits.resume_grace_s``."""
        session = self._live.get(session_id)
        if session is not None:
            session.unsubscribe(subscriber)
            self._start_grace(session)
        elif (left := self._left.get(session_id)) is not None:
            left.unsubscribe(subscriber)
            if not left.has_subscribers:
                del self._left[session_id]

    def kernel_came(self, connection: KernelConnection) -> list[StatelessInteractiveSession]:
        """A kernel's own connection is there: its live sessions, which it is shown from now on as all later ones."""
        self._kernels.came(connection)
        own = [session for session in self._live.values() if self._kernels.serves(connection, session)]
        for session in own:
            self.give_kernel(session)
            # It may have been here before, with other tools.
            session.declare_also(connection, connection.tools_in(session))
        return own

    def kernel_gone(self, connection: object) -> None:
        """A connection is gone; where it was a kernel's own, its sessions have no kernel now."""
        self._kernels.gone(connection)

    def give_kernel(self, session: StatelessInteractiveSession) -> None:
        """The session's kernel and those who show its notebook, where they are connected, take its calls."""
        for kernel in self._kernels.of(session):
            if not session.can_reach(kernel):
                kernel.attach(self, session)
                session.declare(kernel, kernel.tools_in(session))

    def drop(self, session: StatelessInteractiveSession) -> None:
        """Have a session leave memory; its turn is cancelled, its log stays."""
        task = asyncio.get_running_loop().create_task(self._leave(session))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def provider_changed(self) -> None:
        """Another provider was chosen, or its key: every live session hears who answers now."""
        await asyncio.gather(*(session.provider_changed() for session in list(self._live.values())))

    async def aclose(self) -> None:
        """The process ends: running turns end as ``interrupted``, logs are given back."""
        self._closed = True
        for timer in self._grace.values():
            timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
        sessions, self._live = list(self._live.values()), {}
        await asyncio.gather(*(session.close("interrupted") for session in sessions), *self._dropping)
        await self.services.aclose()

    async def _leave(self, session: StatelessInteractiveSession) -> None:
        async with self._lock(session.id):
            if self._live.get(session.id) is not session:
                return
            if (timer := self._grace.pop(session.id, None)) is not None:
                timer.cancel()
            # First, so that who asks for it from now on waits for the lock and brings it back.
            del self._live[session.id]
            await session.close("cancelled")
            _ended(session)
            if session.has_subscribers:
                self._left[session.id] = session

    def _place_of(self, notebook: str | None) -> str | None:
        """The notebook's whole path: other servers that share the store have folders, and an Untitled.ipynb, too."""
        root = self.services.workspace
        return notebook if notebook is None or root is None else f"{root.resolve()}/{notebook.strip('/')}"

    def _new_row(self, owner: str, params: StartParams, place: str | None) -> SessionRow:
        moment = now()
        return SessionRow(
            id=uuid4().hex,
            owner=owner,
            created=moment,
            updated=moment,
            notebook=place,
            kernel_id=params.kernel_id,
            agent=self.services.agents.get(params.agent).id if params.agent else self.services.agents.default.id,
        )

    async def _enter(self, row: SessionRow) -> StatelessInteractiveSession:
        session = StatelessInteractiveSession(self.services, row, self._deleted)
        await session.enter()
        session.watch = Watch(
            [self.metrics, self._metrics_of[row.owner], session.metrics], asyncio.get_running_loop().time
        )
        self._live[session.id] = session
        self.give_kernel(session)
        if self._beating is None:
            self._beating = asyncio.get_running_loop().create_task(self._beat())
        return session

    def _deleted(self, session: StatelessInteractiveSession) -> None:
        """Another server has deleted it."""
        if self._live.get(session.id) is session:
            del self._live[session.id]
            _ended(session)
        if (timer := self._grace.pop(session.id, None)) is not None:
            timer.cancel()

    async def _load(self, session_id: str, owner: str, *, also_stopped: bool) -> StatelessInteractiveSession:
        session = self._live.get(session_id)
        if session is None or session.row.owner != owner:
            row = await self._row(session_id, owner)
            session = await self._bring_back(row)
        if session.state.status == STOPPED and not also_stopped:
            self._start_grace(session)
            raise NoSuchSession("This session is stopped; resume it first.")
        return session

    async def _row(self, session_id: str, owner: str) -> SessionRow:
        if (session := self._live.get(session_id)) is not None and session.row.owner == owner:
            return session.row
        row = await self.services.store.get(session_id)
        if row is None or row.owner != owner:
            raise NoSuchSession("There is no such session.")
        return row

    async def _bring_back(self, row: SessionRow) -> StatelessInteractiveSession:
        async with self._lock(row.id):
            if (session := self._live.get(row.id)) is not None:
                return session
            with self._place():
                await self._make_room()
                session = await self._enter(row)
            if (left := self._left.pop(row.id, None)) is not None:
                left.hand_subscribers(session)
            self._start_grace(session)
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
        limit = self.services.config.limits.max_sessions
        if len(self._live) + self._coming > limit and self._grace:
            await self._leave(self._live[next(iter(self._grace))])
        if len(self._live) + self._coming > limit:
            raise LimitReached(f"{limit} sessions are live on this server already; stop one first.", "max_sessions")

    def _start_grace(self, session: StatelessInteractiveSession) -> None:
        if session.is_kept or session.id in self._grace or self._closed:
            return
        loop = asyncio.get_running_loop()
        delay = self.services.config.limits.resume_grace_s
        self._grace[session.id] = loop.call_later(delay, self._grace_over, session)

    def _grace_over(self, session: StatelessInteractiveSession) -> None:
        del self._grace[session.id]
        if session.is_awaited:
            self._start_grace(session)
        else:
            self.drop(session)

    async def _beat(self) -> None:
        """Tell the peers that share the store, once a second, that this process still runs its sessions."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._live:
                try:
                    for session_id in await self.services.store.beat(self.services.runner):
                        if (session := self._live.get(session_id)) is not None:
                            await session.hand_over()
                except StoreError as error:
                    log.warning("no sign of life could be given: %s", error)


def _ended(session: StatelessInteractiveSession) -> None:
    if session.watch is not None:
        session.watch.end()


def moved(path: str | None, old: str, new: str | None) -> str | None:
    """Where ``path`` is after ``old``, a file or a folder, has become ``new``.

    >>> moved("/work/a/n.ipynb", "/work/a", "/work/b")
    '/work/b/n.ipynb'
    """
    if path is None or not f"{path}/".startswith(f"{old}/"):
        return path
    return None if new is None else new + path.removeprefix(old)
