"""The extension: brings the sessions up with the server, hands requests to them, takes them down with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp

from jupyter_ext.handlers import HealthHandler, OpenRPCHandler, WhispererSocket
from jupyter_ext.kernels import notebook_of
from whisperer_kernel.config import Config, load
from whisperer_kernel.errors import ConfigError, StoreError
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.dispatcher import Dispatcher
from whisperer_kernel.rpc.methods import Methods
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.services import Services


class Whisperer:
    """What the handlers need: the dispatcher, the sessions behind it, and who is connected.

    ``problem`` says why there are no sessions; everything but ``health`` then answers with it.
    """

    def __init__(self, serverapp: Any) -> None:
        self.config = Config()
        self.problem: ConfigError | None = None
        self.manager: StatelessSessionManager | None = None
        self.sockets: set[WhispererSocket] = set()
        try:
            self.config = load()
            services = Services.load(self.config, Path(serverapp.root_dir))
        except ConfigError as error:
            self.problem = error
            self.dispatcher = Dispatcher({}, broken=error)
            self.methods: dict[str, Any] = {}
        else:
            self.manager = StatelessSessionManager(services)
            self.methods = Methods(self.manager, lambda kernel_id: notebook_of(serverapp, kernel_id)).table()
            self.dispatcher = Dispatcher(self.methods)

    def disconnected(self, connection: Connection) -> None:
        """A socket is gone."""
        if self.manager is not None:
            connection.close(self.manager)

    async def health(self) -> dict[str, Any]:
        """How it goes, as ``/whisperer/health`` tells it."""
        if self.manager is None:
            return {"status": "error", "problem": str(self.problem)}
        try:
            await self.manager.services.store.get("")
        except StoreError as error:
            return {"status": "error", "problem": str(error)}
        return {"status": "ok", "sessions": self.manager.live, "connections": len(self.sockets)}

    async def aclose(self) -> None:
        """Close every socket with 1001, then the sessions."""
        for socket in list(self.sockets):
            socket.close(1001, "the server is stopping")
        if self.manager is not None:
            await self.manager.aclose()


class WhispererApp(ExtensionApp):
    """Whisperer as a Jupyter Server extension. Its settings are in Whisperer's own ``config.yaml``."""

    name = "whisperer"
    load_other_extensions = True
    whisperer: Whisperer

    def initialize_settings(self) -> None:
        """Bring the sessions up. A wrong setting stops Whisperer, never Jupyter."""
        self.whisperer = Whisperer(self.serverapp)
        if self.whisperer.problem is not None:
            self.log.error("Whisperer is not running: %s", self.whisperer.problem)
        self.settings["whisperer"] = self.whisperer

    def initialize_handlers(self) -> None:
        """Add the socket, the description and the health page."""
        self.handlers.extend(
            [
                (r"/whisperer/ws", WhispererSocket),
                (r"/whisperer/openrpc.json", OpenRPCHandler),
                (r"/whisperer/health", HealthHandler),
            ]
        )

    async def stop_extension(self) -> None:
        """Take it down in good order."""
        await self.whisperer.aclose()
