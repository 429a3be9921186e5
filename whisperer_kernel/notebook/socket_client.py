"""A kernel's or a script's own WebSockets to the server."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Literal

from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, WebSocketError, websocket_connect

from whisperer_kernel.errors import LimitReached, NotPermitted
from whisperer_kernel.notebook.attach import FORBIDDEN, NOT_FOUND, Server
from whisperer_kernel.notebook.transport import Disconnected, OnFrame, OnLost, ServerLost

CONNECT_S = 10.0
PING_S = 20.0
# What a server sends, a long session's history for instance, may be far larger than what it takes.
MAX_FRAME_BYTES = 256 * 1_048_576
NORMAL, TOO_BIG = 1000, 1009


class SocketTransport:
    """Text frames over one WebSocket; see ``Transport``.

    ``page`` is the page or process that it comes from: by it one that comes back is known again. ``client`` says what
    it is for: ``kernel`` carries tools out and answers no question; ``code`` asks agents, and says what they may do for
    it; neither keeps a session in memory. ``cells`` carries out what touches a page's cells, and shows no question. At
    ``chat``, the usual one, a person at that page asks and is asked.
    """

    def __init__(self, server: Server, page: str, client: Literal["kernel", "code", "cells", "chat"] = "chat") -> None:
        self._server = server
        self._url = server.socket_url(page, client)
        self._line: _Line | None = None
        self._writing: set[asyncio.Future[None]] = set()

    async def open(self, on_frame: OnFrame, on_lost: OnLost) -> None:
        """See ``Transport``."""
        line = _Line(on_frame, on_lost)
        try:
            line.socket = await websocket_connect(
                self._server.request(self._url, CONNECT_S),
                on_message_callback=partial(self._received, line),
                ping_interval=PING_S,
                ping_timeout=PING_S,
                max_message_size=MAX_FRAME_BYTES,
            )
        except HTTPClientError as error:
            raise self._refused(error) from error
        except (OSError, WebSocketError) as error:
            raise Disconnected(f"The Jupyter server at {self._server.url} does not answer.") from error
        if line.ended:
            raise self._loss(line)
        self._line = line

    def send(self, frame: str) -> None:
        """See ``Transport``."""
        line = self._line
        if line is None or line.socket is None:
            raise Disconnected("There is no connection.")
        try:
            writing = line.socket.write_message(frame)
        except WebSocketClosedError:
            # The close is under way, and its callback may take a while.
            self._ended(line)
            raise self._loss(line) from None
        self._writing.add(writing)
        writing.add_done_callback(self._written)

    async def aclose(self) -> None:
        """See ``Transport``."""
        line, self._line = self._line, None
        if line is not None and line.socket is not None:
            line.socket.close(NORMAL)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing.discard(writing)
        if not writing.cancelled():
            # Asked for, so that asyncio does not complain; the close tells everybody who has to know.
            writing.exception()

    def _received(self, line: _Line, frame: str | bytes | None) -> None:
        if isinstance(frame, str):
            line.on_frame(frame)
        elif frame is None:
            self._ended(line)

    def _ended(self, line: _Line) -> None:
        line.ended = True
        loss = self._loss(line)
        if line.socket is not None:
            line.socket.close()
        if self._line is line:
            self._line = None
            line.on_lost(loss)

    def _loss(self, line: _Line) -> Disconnected:
        words = f"The connection to the Jupyter server at {self._server.url} is lost."
        if line.socket is None or line.socket.close_code != TOO_BIG:
            return Disconnected(words)
        too_big = "This is more than the server takes in one message (limits.max_message_bytes)."
        return Disconnected(words, LimitReached(too_big, "max_message_bytes"))

    def _refused(self, error: HTTPClientError) -> Exception:
        """What the server answered instead of the upgrade."""
        if error.code == FORBIDDEN:
            return NotPermitted(
                f"The Jupyter server at {self._server.url} does not let this kernel in (any more); "
                "restart the kernel from the notebook."
            )
        if error.code == NOT_FOUND:
            return ServerLost(f"The Jupyter server at {self._server.url} runs without the Whisperer extension.")
        return Disconnected(f"The Jupyter server at {self._server.url} answered {error.code}.")


class _Line:
    """One connection and its callbacks, told apart from the one before."""

    def __init__(self, on_frame: OnFrame, on_lost: OnLost) -> None:
        self.on_frame = on_frame
        self.on_lost = on_lost
        self.socket: WebSocketClientConnection | None = None
        self.ended = False
