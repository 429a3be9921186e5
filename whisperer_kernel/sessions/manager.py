"""What an owner may ask of sessions, live or not: to be started, resumed, read, exported, stopped, deleted."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Protocol
from uuid import uuid4

from whisperer_kernel.errors import NoSuchSession
from whisperer_kernel.events import STOPPED
from whisperer_kernel.sessions.export import Exported, Format, export
from whisperer_kernel.sessions.kernels import AtKernel, Kernels
from whisperer_kernel.sessions.live import LiveSessions
from whisperer_kernel.sessions.logrows import unpack
from whisperer_kernel.sessions.metrics import Metrics, Watch
from whisperer_kernel.sessions.notebooks import Notebooks, moved
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.session import StatelessInteractiveSession
from whisperer_kernel.sessions.startparams import StartParams
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import Page, SessionRow, now
from whisperer_kernel.tools.tool import Tool


class KernelConnection(AtKernel, Protocol):
    """A connection that carries tools out in a kernel's sessions."""

    def attach(self, manager: StatelessSessionManager, session: StatelessInteractiveSession) -> None:
        """Be shown the session."""
        ...

    def tools_in(self, session: StatelessInteractiveSession) -> list[Tool]:
        """What it carries out there."""
        ...


class StatelessSessionManager:
    """The sessions. One that is not ``live`` is in the store, and is brought back when somebody asks for it."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.live = LiveSessions(services, self._entered)
        self.notebooks = Notebooks(services.workspace)
        self.metrics = Metrics()
        self._metrics_of: defaultdict[str, Metrics] = defaultdict(Metrics)
        self._kernels: Kernels[KernelConnection] = Kernels()

    async def start(self, owner: str, params: StartParams) -> tuple[StatelessInteractiveSession, bool]:
        """A new session, or the one that this kernel or notebook has already (then True).

        A new one has no events yet: whoever started it subscribes and then has it ``begin``.
        """
        place = self.notebooks.place_of(params.notebook)
        made = await self.live.create(self._new_row(owner, params, place), new=params.new)
        if not isinstance(made, SessionRow):
            return made, False
        session = await self.resume(made.id, owner)
        await session.place(params.kernel_id, place)
        self.give_kernel(session)
        return session, True

    async def resume(self, session_id: str, owner: str) -> StatelessInteractiveSession:
        """The session, live, whatever it was before. Raises ``NoSuchSession``."""
        live = self.live.get(session_id)
        if live is not None and live.row.owner == owner and live.state.status == STOPPED:
            # It is about to be dropped: who resumes it gets it as it comes back.
            await self.live.leave(live)
        return await self._load(session_id, owner)

    async def session(self, session_id: str, owner: str) -> StatelessInteractiveSession:
        """The session, run by this process; a stopped one has to be resumed first, ``NoSuchSession`` until then."""
        session = await self._load(session_id, owner)
        if session.state.status == STOPPED:
            self.live.start_grace(session)
            raise NoSuchSession("This session is stopped; resume it first.")
        await session.lease.take()
        return session

    async def read(self, session_id: str, owner: str) -> SessionState:
        """What the session is, without making it live."""
        row = await self._row(session_id, owner)
        if (session := self.live.get(session_id)) is not None:
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
            notebook=self.notebooks.name_of(row.notebook),
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
        if self.live.get(session_id) is None and row.status == STOPPED:
            return None
        session = await self._load(session_id, owner)
        await session.lease.take()
        await session.stop()
        return session

    async def delete(self, session_id: str, owner: str) -> None:
        """Remove a session and its log; who is connected is told that it is stopped."""
        session = await self._load(session_id, owner)
        await session.lease.take()
        await session.stop()
        await self.live.leave(session)
        self.live.forget(session_id)
        await self.services.store.delete(session_id)

    async def page(self, owner: str, limit: int, cursor: str | None) -> Page:
        """The owner's sessions, newest first."""
        return await self.services.store.page(owner, limit, cursor)

    def metrics_of(self, owner: str) -> Metrics:
        """Of all that one owner's sessions have done in this process."""
        return self._metrics_of[owner]

    # --- what happens around them -----------------------------------------------------------------------------------

    async def moved(self, notebook: str, to: str | None) -> None:
        """A notebook or a folder was renamed, or deleted (None): a new one of the old name is another."""
        old, new = self.notebooks.place_of(notebook) or "", self.notebooks.place_of(to)
        await self.services.store.moved(old, new)
        for session in self.live:
            session.row.notebook = moved(session.row.notebook, old, new)

    async def provider_changed(self) -> None:
        """Another provider was chosen, or its key: every live session hears who answers now."""
        await asyncio.gather(*(session.provider_changed() for session in self.live))

    def kernel_came(self, connection: KernelConnection) -> list[StatelessInteractiveSession]:
        """A kernel's own connection is there: its live sessions, which it is shown from now on as all later ones."""
        self._kernels.came(connection)
        own = [session for session in self.live if self._kernels.serves(connection, session)]
        for session in own:
            self.give_kernel(session)
            # It may have been here before, with other tools.
            session.hands.clients.declare_also(connection, connection.tools_in(session))
        return own

    def kernel_gone(self, connection: object) -> None:
        """A connection is gone; where it was a kernel's own, its sessions have no kernel now."""
        self._kernels.gone(connection)

    def give_kernel(self, session: StatelessInteractiveSession) -> None:
        """The session's kernel and those who show its notebook, where they are connected, take its calls."""
        for kernel in self._kernels.of(session):
            if not session.can_reach(kernel):
                kernel.attach(self, session)
                session.hands.clients.declare(kernel, kernel.tools_in(session))

    async def aclose(self) -> None:
        """The process ends: running turns end as ``interrupted``, logs are given back."""
        await self.live.aclose()
        await self.services.aclose()

    # --- inside -----------------------------------------------------------------------------------------------------

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

    def _entered(self, session: StatelessInteractiveSession) -> None:
        counted = [self.metrics, self._metrics_of[session.row.owner], session.metrics]
        session.watch = Watch(counted, asyncio.get_running_loop().time)
        self.give_kernel(session)

    async def _load(self, session_id: str, owner: str) -> StatelessInteractiveSession:
        session = self.live.get(session_id)
        if session is not None and session.row.owner == owner:
            return session
        return await self.live.bring_back(await self._row(session_id, owner))

    async def _row(self, session_id: str, owner: str) -> SessionRow:
        if (session := self.live.get(session_id)) is not None and session.row.owner == owner:
            return session.row
        row = await self.services.store.get(session_id)
        if row is None or row.owner != owner:
            raise NoSuchSession("There is no such session.")
        return row
