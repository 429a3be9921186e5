"""The connections of this process, shared by all who ask: to a server, or in process.

To a server there are two: the kernel's, which carries tools out and may answer no question, and that of its code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal, NamedTuple
from uuid import uuid4
from weakref import WeakSet, WeakValueDictionary

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.attach import NoServer, Server, find_server, kernel_id
from whisperer_kernel.notebook.hands import Hands
from whisperer_kernel.notebook.in_process import InProcessTransport, LocalSessions
from whisperer_kernel.notebook.kernel_tools import KernelTools
from whisperer_kernel.notebook.peer import Listener, Params, Peer
from whisperer_kernel.notebook.session_client import SessionClient
from whisperer_kernel.notebook.socket_client import SocketTransport
from whisperer_kernel.notebook.stand_in import StandIn
from whisperer_kernel.notebook.transport import ServerLost, Transport
from whisperer_kernel.notebook.turn import Turn

RETRY_S = 15.0


class Way(NamedTuple):
    """A transport to where the sessions are, what they call this kernel, and who runs them, in words."""

    transport: Transport
    kernel_id: str
    where: str


class Link(Listener):
    """A connection and the sessions that are followed on it. ``where`` is who runs them, in words.

    ``is_codes``: it is that of the process's code, which takes cells where nobody else does.
    """

    def __init__(self, transport: Transport, where: str, start: Params, *, is_codes: bool = True) -> None:
        self.where = where
        self.is_closed = False
        self._notice: str | None = None
        self._start = start
        self._peer = Peer(transport, self)
        # Weak: a session is followed while somebody holds it.
        self._clients: WeakSet[SessionClient] = WeakSet()
        self._by_id: WeakValueDictionary[str, SessionClient] = WeakValueDictionary()
        self._hands = Hands(self._peer, start["kernelId"], StandIn(self._turn_of) if is_codes else None)
        self._serving: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Be connected. Raises ``WhispererError``."""
        await self._peer.connect()

    def serve(self, tools: KernelTools) -> None:
        """Carry out what touches this kernel, from now on and on every later connection."""
        self._hands.tools = tools
        self._serving = asyncio.get_running_loop().create_task(self._serve())

    def notice(self, words: str) -> None:
        """Something that the user should hear once."""
        self.where = self._notice = words

    def take_notice(self) -> str | None:
        """What is still to be told; afterwards there is nothing."""
        notice, self._notice = self._notice, None
        return notice

    def session(self, session_id: str | None, *, new: bool) -> SessionClient:
        """The client of a session: this notebook's, the one of this id, or a new one."""
        if new:
            return self._follow(SessionClient(self._peer, {"new": True}))
        client = self._by_id.get(session_id or "")
        if client is None:
            client = self._follow(SessionClient(self._peer, self._start, session_id))
            self._by_id[session_id or ""] = client
        return client

    def notified(self, method: str, params: Params) -> None:
        """See ``Listener``."""
        self._hands.notified(method, params)
        for client in list(self._clients):
            if client.session.id == params["sessionId"]:
                client.session.notified(method, params)

    async def connected(self) -> None:
        """See ``Listener``."""
        with suppress(WhispererError):
            # An older server knows nothing of kernels, and is good for everything else.
            await self._hands.attach(self._peer.exchange)
        for client in list(self._clients):
            await client.session.connected()

    def lost(self) -> None:
        """See ``Listener``."""
        self._hands.lost()

    def gone(self, error: WhispererError) -> None:
        """See ``Listener``."""
        for client in list(self._clients):
            client.gone(error)
        if self._hands.tools is not None and isinstance(error, ServerLost) and not self.is_closed:
            # Nobody asks again on the kernel's behalf; a server that comes back finds it.
            asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    async def aclose(self) -> None:
        """Close the connection, what is being cancelled first."""
        self.is_closed = True
        self.lost()
        for client in list(self._clients):
            await client.session.settled()
        await self._peer.aclose()

    def _try_again(self) -> None:
        if not self.is_closed:
            self._serving = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        with suppress(WhispererError):
            # What is wrong is told to whoever asks something here; ``gone`` tries again.
            await self._hands.attach(self._peer.request)

    def _turn_of(self, call: Params) -> Turn | None:
        own = next((client for client in self._clients if client.session.id == call["sessionId"]), None)
        return None if own is None else own.turn(call["messageId"])

    def _follow(self, client: SessionClient) -> SessionClient:
        self._clients.add(client)
        return client


class Links:
    """Finds out once where the sessions are, and stays with it until everything is closed."""

    def __init__(self) -> None:
        self._finding = asyncio.Lock()
        self._server: Link | None = None
        self._kernel: Link | None = None
        self._at: Server | None = None
        self._here: Link | None = None
        self._sessions = LocalSessions()
        self._without: NoServer | None = None
        self._tools: KernelTools | None = None
        # A script is no kernel, and one that no server started may have no id; the sessions are one's all the same.
        self._process = uuid4().hex
        self._kernel_id = kernel_id() or f"process-{uuid4().hex}"
        # Not the kernel's own id: a server that shares the store may run the notebook's session for the widget.
        self._local_id = f"in-process-{self._kernel_id}"

    async def get(self, *, in_process: bool | None) -> Link:
        """The link: to the server (False), in process (True), or to the server if there is one (None).

        Raises ``NoServer`` where there has to be one and is none, and ``ConfigError``.
        """
        async with self._finding:
            if in_process is True or (in_process is None and self._without is not None):
                return await self._in_process()
            try:
                return await self._to_server()
            except NoServer as error:
                if in_process is False:
                    raise NoServer(f"There is no Whisperer server: {error}.") from None
                link = await self._in_process()
                self._without = error
                link.notice(f"in process (no Whisperer server: {error})")
                return link

    async def for_page(
        self, page: str, client: Literal["chat", "cells"], emptied: Callable[[], Awaitable[None]]
    ) -> Way:
        """A connection of its own to where ``get`` finds the sessions, for a page that speaks the protocol itself.

        ``client``: what of the page it is for. ``emptied`` waits until the page has taken what it was sent.
        Raises ``ConfigError``.
        """
        link = await self.get(in_process=None)
        if link is self._server and self._at is not None:
            return Way(
                SocketTransport(self._at, page, client), self._kernel_id, f"at {self._at.url}, through this kernel"
            )
        why = "" if self._without is None else f" (no Whisperer server: {self._without})"
        return Way(
            InProcessTransport(self._sessions, page, emptied, shows_questions=client == "chat"),
            self._local_id,
            f"in this kernel{why}",
        )

    async def serve(self, tools: KernelTools) -> bool:
        """Carry out what touches this kernel: at its server, if there is one, and wherever its sessions are later.

        False where there is no server.
        """
        async with self._finding:
            self._tools = tools
            if self._here is not None:
                self._here.serve(tools)
            if self._here is None or self._server is not None:
                try:
                    self._serve_at(await find_server())
                except NoServer:
                    return False
            return True

    async def aclose(self) -> None:
        """Close them all; the next ``get`` looks anew."""
        links = [link for link in (self._server, self._kernel, self._here) if link is not None]
        self._server = self._kernel = self._here = None
        self._without = None
        for link in links:
            await link.aclose()
        await self._sessions.aclose()

    async def _to_server(self) -> Link:
        if self._server is None:
            self._at = server = await find_server()
            if (kernel := self._serve_at(server)) is not None:
                with suppress(WhispererError):
                    # First, so that whoever is asked next has the kernel's tools.
                    await kernel.connect()
            self._server = self._link_to(server, "code")
        return self._server

    def _serve_at(self, server: Server) -> Link | None:
        """The kernel's own connection; None where this process is no kernel."""
        if self._kernel is None and self._tools is not None:
            self._kernel = self._link_to(server, "kernel")
            self._kernel.serve(self._tools)
        return self._kernel

    def _link_to(self, server: Server, client: Literal["kernel", "code"]) -> Link:
        start = {"kernelId": self._kernel_id}
        transport = SocketTransport(server, self._process, client)
        return Link(transport, f"attached to {server.url}", start, is_codes=client == "code")

    async def _in_process(self) -> Link:
        if self._here is None:
            link = Link(InProcessTransport(self._sessions), "in process", {"kernelId": self._local_id})
            # Here and now, so that a wrong setting is told and not taken for a connection that may come back.
            await link.connect()
            if self._tools is not None:
                link.serve(self._tools)
            self._here = link
        return self._here
