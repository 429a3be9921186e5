"""A session as it is followed: started when first needed, resumed after a loss, none of its events twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec

from whisperer_kernel.errors import NoSuchSession, WhispererError
from whisperer_kernel.events import (
    AgentSwitched,
    Mode,
    ModeChanged,
    ModelChanged,
    PermissionRequested,
    ProviderInfo,
    SessionStatus,
)
from whisperer_kernel.notebook.peer import Params, Peer
from whisperer_kernel.sessions.history import HistoryMessage

SETTLE_S = 5.0

Ask = Callable[..., Awaitable[Any]]


class Follower:
    """Who is told what happens in a session; every method may be left as it is."""

    def event(self, method: str, params: Params) -> None:
        """An event came, the next of its session."""

    def caught_up(self, messages: Sequence[HistoryMessage]) -> None:
        """The history as it is, in the place of events that are no longer kept."""

    def pending(self, requests: Sequence[PermissionRequested]) -> None:
        """These questions are open, and no others."""

    def gone(self, error: WhispererError) -> None:
        """Nothing more is to come of what was asked."""


class FollowedSession:
    """Who is current in it, its mode and who answers are as the last event says. Runs on the background's loop.

    ``start`` are the ``sessionParams`` that find or make it. A session given by its id is that one or none: where it is
    gone, no other takes its place.
    """

    def __init__(self, peer: Peer, start: Params, session_id: str | None, follower: Follower) -> None:
        self.peer = peer
        self.id: str | None = None
        self.agent = ""
        self.mode: Mode = "ask"
        self.provider = ProviderInfo(name="none", label="No provider")
        self._start = start
        self._given = session_id
        self._follower = follower
        self._last_seq = 0
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Find or make the session, unless that was done."""
        async with self._opening:
            if self.id is not None:
                return
            if self._given is None:
                await self.peer.request("startSession", {"sessionParams": self._start}, self._started)
            else:
                await self._resume(self.peer.request, self._given)

    async def call(self, method: str, params: Params | None = None, then: Callable[[Any], None] | None = None) -> Any:
        """A request that is about this session. A session that was stopped meanwhile goes on."""
        await self.open()
        try:
            return await self.peer.request(method, {"sessionId": self.id, **(params or {})}, then)
        except NoSuchSession:
            await self._again(self.peer.request)
            return await self.peer.request(method, {"sessionId": self.id, **(params or {})}, then)

    def notified(self, method: str, params: Params) -> None:
        """An event of this session came."""
        seq = params["seq"]
        if seq <= self._last_seq:
            return
        if seq > self._last_seq + 1:
            # Cannot be, but where it is, what is missing is asked for, and this one comes again with it.
            self.spawn(self._resume(self.peer.request))
            return
        self._last_seq = seq
        match method:
            case AgentSwitched.method:
                self.agent = params["to"]
            case ModeChanged.method:
                self.mode = params["mode"]
            case ModelChanged.method | SessionStatus.method if params.get("provider"):
                self.provider = msgspec.convert(params["provider"], ProviderInfo)
            case _:
                self._follower.event(method, params)

    async def connected(self) -> None:
        """There is a new connection: what was missed is asked for on it."""
        if self.id is not None:
            await self._again(self.peer.exchange)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it done in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """What was begun in the background is done."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SETTLE_S)

    async def _again(self, ask: Ask) -> None:
        """Resume the session; where it is gone, begin a new one, unless this one was asked for by its id."""
        try:
            await self._resume(ask)
        except NoSuchSession:
            self.id = None
            self._follower.gone(NoSuchSession("The session is no longer there, and the answer with it. Ask again."))
            if self._given is not None:
                raise
            await ask("startSession", {"sessionParams": self._start}, self._started)

    def _started(self, result: Any) -> None:
        self.id, self._last_seq = result["sessionId"], result["seq"]
        self._found(result)

    async def _resume(self, ask: Ask, session_id: str | None = None) -> None:
        params = {"sessionId": session_id or self.id, "afterSeq": self._last_seq}
        await ask("resumeSession", params, self._resumed)

    def _resumed(self, result: Any) -> None:
        first = self.id is None
        self.id = result["sessionId"]
        self._found(result)
        if first:
            self._last_seq = result["seq"]
        if (snapshot := result.get("snapshot")) is not None:
            self._last_seq = snapshot["seq"]
            self._follower.caught_up(msgspec.convert(snapshot["messages"], list[HistoryMessage]))
        self._follower.pending(msgspec.convert(result["pending"]["permissions"], list[PermissionRequested]))

    def _found(self, result: Any) -> None:
        """What starting and resuming tell alike."""
        self.agent, self.mode = result["agent"], result["mode"]
        self.provider = msgspec.convert(result["provider"], ProviderInfo)
