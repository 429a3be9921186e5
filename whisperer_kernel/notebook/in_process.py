"""The sessions in this very process, where no Whisperer server is there to run them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from whisperer_kernel.config import load
from whisperer_kernel.notebook.transport import Disconnected, OnFrame, OnLost
from whisperer_kernel.rpc.connection import Connection, at_once
from whisperer_kernel.rpc.dispatcher import Dispatcher
from whisperer_kernel.rpc.methods import Methods
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.services import Services

OWNER = "local"
MAX_PAGE_REQUESTS = 64


class LocalSessions:
    """The sessions of this process: brought up for whoever connects first, and shared by all who do."""

    def __init__(self) -> None:
        self._manager: StatelessSessionManager | None = None
        self._dispatcher = Dispatcher({})
        self._transports: set[InProcessTransport] = set()

    def join(self, transport: InProcessTransport) -> None:
        """Somebody connects. Raises ``ConfigError``."""
        if self._manager is None:
            self._manager = StatelessSessionManager(Services.load(load(), Path.cwd()))
            self._dispatcher = Dispatcher(Methods(self._manager, _notebook_of).table())
        self._transports.add(transport)

    def leave(self, transport: InProcessTransport, connection: Connection) -> None:
        """Somebody is gone; the sessions stay."""
        self._transports.discard(transport)
        if self._manager is not None:
            connection.close(self._manager)

    async def handle(self, frame: str, connection: Connection) -> None:
        """Carry out a request."""
        await self._dispatcher.handle(frame, connection)

    async def aclose(self) -> None:
        """Take the sessions down; a turn that runs ends as ``interrupted``, and who is connected is told."""
        manager, self._manager = self._manager, None
        for transport in list(self._transports):
            transport.lose()
        if manager is not None:
            await manager.aclose()


class InProcessTransport:
    """The dispatcher, called directly; see ``Transport``. It is lost with the sessions alone.

    ``page``: the page in a browser that it is for. A person sees what is asked there; elsewhere nobody does, and what
    needs a yes is denied at once instead of when the question runs out. ``emptied`` waits until the page has taken what
    it was sent. ``shows_questions``: False for what of a page shows none.
    """

    def __init__(
        self,
        sessions: LocalSessions,
        page: str | None = None,
        emptied: Callable[[], Awaitable[None]] = at_once,
        *,
        shows_questions: bool = True,
    ) -> None:
        self._sessions = sessions
        self._page = page
        self._emptied = emptied
        # In process, whoever sends a message says whether a question of its turn is seen; at a page one is.
        self._shows_questions = page is not None and shows_questions
        self._connection: Connection | None = None
        self._on_lost: OnLost = lambda _loss: None
        self._requests: set[asyncio.Task[None]] = set()

    async def open(self, on_frame: OnFrame, on_lost: OnLost) -> None:
        """Bring the sessions up. Raises ``ConfigError``."""
        self._sessions.join(self)
        self._on_lost = on_lost
        loop = asyncio.get_running_loop()

        def deliver(frame: str) -> None:
            # By way of the loop: whoever publishes must not have to do with what a client makes of it.
            loop.call_soon(on_frame, frame)

        self._connection = Connection(
            OWNER,
            deliver,
            shows_questions=self._shows_questions,
            page=self._page or "",
            hang_up=self.lose,
            emptied=self._emptied,
        )

    def send(self, frame: str) -> None:
        """See ``Transport``. A page that asks more at once than it could want to know is cut off."""
        if self._connection is None:
            raise Disconnected("The sessions are closed.")
        if self._page is not None and len(self._requests) >= MAX_PAGE_REQUESTS:
            raise Disconnected("Too much was asked at once.")
        task = asyncio.get_running_loop().create_task(self._sessions.handle(frame, self._connection))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    def lose(self) -> None:
        """The connection is over, and whoever uses it is told."""
        if self._leave():
            self._on_lost(Disconnected("The sessions are closed."))

    async def aclose(self) -> None:
        """See ``Transport``. The sessions stay."""
        self._leave()

    def _leave(self) -> bool:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._sessions.leave(self, connection)
        return connection is not None


async def _notebook_of(_kernel_id: str) -> str | None:
    """The one whose kernel this is, as Jupyter named it at the start; consoles have a name there that is no path."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    return name if name.endswith(".ipynb") else None
