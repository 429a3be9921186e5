"""The extension: brings Whisperer up with the server and takes it down with it."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from jupyter_ext.handlers import HealthHandler, OpenRPCHandler, WhispererSocket
from jupyter_ext.whisperer import Whisperer


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
