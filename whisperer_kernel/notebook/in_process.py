"""The sessions in this very process, where no Whisperer server is there to run them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from whisperer_kernel.config import load
from whisperer_kernel.notebook.transport import Disconnected, OnFrame, OnLost
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.dispatcher import Dispatcher
from whisperer_kernel.rpc.methods import Methods
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.services import Services

OWNER = "local"


class Host:
    """Runs the sessions; each of their clients has a connection of its own. All calls come from one event loop."""

    def __init__(self) -> None:
        self._manager: StatelessSessionManager | None = None
        self._dispatcher = Dispatcher({})
        self._requests: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Bring the sessions up. Raises ``ConfigError``."""
        self._manager = StatelessSessionManager(Services.load(load(), Path.cwd()))
        self._dispatcher = Dispatcher(Methods(self._manager).table())

    def connect(self, deliver: OnFrame) -> Connection:
        """A connection to them. Whoever sends a message on it says whether a question of its turn is seen."""
        return Connection(OWNER, deliver, shows_questions=False)

    def handle(self, frame: str, connection: Connection) -> asyncio.Task[None]:
        """Take a frame of a client's; done when it is answered."""
        task = asyncio.get_running_loop().create_task(self._dispatcher.handle(frame, connection))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        return task

    def disconnect(self, connection: Connection) -> None:
        """A client is gone."""
        if self._manager is not None:
            connection.close(self._manager)

    async def aclose(self) -> None:
        """Take the sessions down; a turn that runs ends as ``interrupted``."""
        manager, self._manager = self._manager, None
        if manager is not None:
            await manager.aclose()


class InProcessTransport:
    """The dispatcher, called directly; see ``Transport``. It is never lost."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._connection: Connection | None = None

    async def open(self, on_frame: OnFrame, on_lost: OnLost) -> None:  # noqa: ARG002 - never lost
        """Bring the sessions up. Raises ``ConfigError``."""
        await self._host.open()
        loop = asyncio.get_running_loop()

        def deliver(frame: str) -> None:
            # By way of the loop: whoever publishes must not have to do with what a client makes of it.
            loop.call_soon(on_frame, frame)

        self._connection = self._host.connect(deliver)

    def send(self, frame: str) -> None:
        """See ``Transport``."""
        if self._connection is None:
            raise Disconnected("The sessions are closed.")
        self._host.handle(frame, self._connection)

    async def aclose(self) -> None:
        """Take the sessions down; a turn that runs ends as ``interrupted``."""
        self._connection = None
        await self._host.aclose()
