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


class InProcessTransport:
    """The dispatcher, called directly; see ``Transport``. It is never lost."""

    def __init__(self) -> None:
        self._manager: StatelessSessionManager | None = None
        self._dispatcher = Dispatcher({})
        self._connection: Connection | None = None
        self._requests: set[asyncio.Task[None]] = set()

    async def open(self, on_frame: OnFrame, on_lost: OnLost) -> None:  # noqa: ARG002 - never lost
        """Bring the sessions up. Raises ``ConfigError``."""
        self._manager = StatelessSessionManager(Services.load(load(), Path.cwd()))
        self._dispatcher = Dispatcher(Methods(self._manager).table())
        loop = asyncio.get_running_loop()

        def deliver(frame: str) -> None:
            # By way of the loop: whoever publishes must not have to do with what a client makes of it.
            loop.call_soon(on_frame, frame)

        # Whoever sends a message says whether a question of its turn is seen.
        self._connection = Connection(OWNER, deliver, shows_questions=False)

    def send(self, frame: str) -> None:
        """See ``Transport``."""
        if self._connection is None:
            raise Disconnected("The sessions are closed.")
        task = asyncio.get_running_loop().create_task(self._dispatcher.handle(frame, self._connection))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def aclose(self) -> None:
        """Take the sessions down; a turn that runs ends as ``interrupted``."""
        manager, self._manager, self._connection = self._manager, None, None
        if manager is not None:
            await manager.aclose()
