"""Whisperer as it runs in one server: the dispatcher, the sessions behind it, and who is connected."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

from jupyter_ext.kernels import follow_moves, notebook_of
from jupyter_ext.looks import KernelLooks
from jupyter_ext.metrics import Figures
from whisperer_kernel.config import Config, load
from whisperer_kernel.errors import ConfigError, StoreError
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.dispatcher import Dispatcher
from whisperer_kernel.rpc.methods import Methods
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.services import Services

GOING_AWAY = 1001

log = logging.getLogger(__name__)


class Socket(Protocol):
    """An open socket."""

    def close(self, code: int, reason: str) -> None:
        """Close it."""
        ...


class Whisperer:
    """What the handlers need: the dispatcher, the sessions behind it, and who is connected.

    ``problem`` says why there are no sessions; everything but ``health`` then answers with it.
    """

    def __init__(self, serverapp: Any) -> None:
        self.config = Config()
        self.problem: ConfigError | None = None
        self.manager: StatelessSessionManager | None = None
        self.sockets: set[Socket] = set()
        self.drops = 0
        try:
            self.config = load()
            self.looks = KernelLooks(serverapp.kernel_manager)
            services = Services.load(self.config, Path(serverapp.root_dir), stand_ins=self.looks.tools)
        except ConfigError as error:
            self.problem = error
            self.dispatcher = Dispatcher({}, broken=error)
            self.methods: dict[str, Any] = {}
        else:
            self.manager = StatelessSessionManager(services)
            self.methods = Methods(self.manager, lambda kernel_id: notebook_of(serverapp, kernel_id)).table()
            self.dispatcher = Dispatcher(self.methods)
            follow_moves(serverapp, self._moved)
            self._figures = Figures(self.manager, self.sockets, lambda: self.drops)
            self._figures.register()

    def disconnected(self, connection: Connection, *, lost: bool) -> None:
        """A socket is gone; ``lost``: it broke, or did not read."""
        self.drops += lost
        if self.manager is not None:
            connection.close(self.manager, lost=lost)

    async def health(self) -> dict[str, Any]:
        """How it goes, as ``/whisperer/health`` tells it."""
        if self.manager is None:
            return {"status": "error", "problem": str(self.problem)}
        try:
            await self.manager.services.store.get("")
        except StoreError as error:
            return {"status": "error", "problem": str(error)}
        provider = self.manager.services.providers.chosen
        return {
            "status": "ok",
            "sessions": len(self.manager.live),
            "connections": len(self.sockets),
            "provider": None if provider is None else {"label": provider.label, "model": provider.model},
            "problems": self.manager.services.problems,
        }

    async def _moved(self, notebook: str, to: str | None) -> None:
        if self.manager is None:
            return
        try:
            await self.manager.moved(notebook, to)
        except StoreError as error:
            log.warning("a notebook was moved or deleted, and its session could not follow: %s", error)

    async def aclose(self) -> None:
        """Close every socket with 1001, then the sessions."""
        for socket in list(self.sockets):
            socket.close(GOING_AWAY, "the server is stopping")
        if self.manager is not None:
            self._figures.unregister()
            await self.manager.aclose()
            await self.looks.aclose()
