"""What carries frames between a client in this process and whoever runs the sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from whisperer_kernel.errors import WhispererError

OnFrame = Callable[[str], None]
OnLost = Callable[["Disconnected"], None]


class Disconnected(Exception):
    """The connection is lost, or could not be made; it may come back.

    ``reason`` is there where what was under way must not be sent again, since it would break the next connection too.
    """

    def __init__(self, message: str, reason: WhispererError | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class ServerLost(WhispererError):
    """The server that runs the session does not answer (any more); the message says for how long it was tried."""


class Transport(Protocol):
    """One connection at a time. All calls come from one event loop."""

    async def open(self, on_frame: OnFrame, on_lost: OnLost) -> None:
        """Connect. Raises ``Disconnected`` where it may help to try again, else a ``WhispererError``.

        ``on_lost`` is called once when the connection is gone, unless ``aclose`` was what ended it.
        """
        ...

    def send(self, frame: str) -> None:
        """Send a text frame. Raises ``Disconnected``."""
        ...

    async def aclose(self) -> None:
        """Disconnect and let go of everything."""
        ...
