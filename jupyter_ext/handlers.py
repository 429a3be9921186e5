"""Frames in, frames out. What they mean is the dispatcher's business."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_ext.owners import owner_of
from jupyter_ext.whisperer import Whisperer
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.openrpc import document
from whisperer_kernel.rpc.outbox import Outbox
from whisperer_kernel.version import __version__

RESOURCE = "whisperer"
MAX_REQUESTS_AT_ONCE = 64
UNSUPPORTED, RESTART, TRY_AGAIN_LATER = 1003, 1012, 1013

log = logging.getLogger(__name__)


class WhispererSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One client's socket."""

    auth_resource = RESOURCE

    @property
    def whisperer(self) -> Whisperer:
        """The extension's one instance."""
        whisperer: Whisperer = self.settings["whisperer"]
        return whisperer

    @property
    def max_message_size(self) -> int:
        """Frames over this are refused with 1009 before they are read."""
        return self.whisperer.config.limits.max_message_bytes

    @property
    def ping_interval(self) -> float:
        """Seconds, as Tornado takes it; its own pings end half-open sockets, the mixin's are not started."""
        return self.whisperer.config.server.ping_interval_s

    @property
    def ping_timeout(self) -> float:
        """Seconds; Tornado wants it no longer than the interval."""
        server = self.whisperer.config.server
        return min(server.ping_timeout_s, server.ping_interval_s)

    @ws_authenticated
    @authorized(action="execute", resource=RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Who may not come in is told so before the upgrade."""
        if len(self.whisperer.sockets) >= self.whisperer.config.limits.max_connections:
            raise web.HTTPError(503, "too many connections (limits.max_connections)")
        await super().get(*args, **kwargs)

    def open(self, *_args: Any, **_kwargs: Any) -> None:
        """The socket is up."""
        # Without it a small request and its answer wait 6 ms for each other.
        self.set_nodelay(True)
        limit = self.whisperer.config.limits.max_client_backlog_bytes
        self._outbox = Outbox(self._write, self._overflowed, limit)
        owner = owner_of(self.identity_provider, self.current_user)
        client = self.get_query_argument("client", "")
        self._connection = Connection(
            owner,
            self._outbox.send,
            # An open notebook is a reason to keep its session; a kernel outlives whoever looks, and so does its code.
            keeps_alive=client not in {"kernel", "code"},
            # Who owns the cells (the plugin) shows nothing: that is the chat's.
            shows_questions=client not in {"kernel", "cells", "code"},
            answers_own=client in {"cells", "code"},
            page=self.get_query_argument("page", ""),
            hang_up=self._hang_up,
            emptied=self._outbox.emptied,
        )
        self._requests: set[asyncio.Task[None]] = set()
        self.whisperer.sockets.add(self)

    async def on_message(self, message: str | bytes) -> None:
        """One task a request: a slow one must not keep a cancel waiting behind it."""
        if isinstance(message, bytes):
            self.close(UNSUPPORTED, "text frames only")
            return
        while len(self._requests) >= MAX_REQUESTS_AT_ONCE:
            await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.get_running_loop().create_task(self.whisperer.dispatcher.handle(message, self._connection))
        self._requests.add(task)
        task.add_done_callback(self._handled)

    def on_close(self) -> None:
        """The socket is gone; what it began goes on."""
        self.whisperer.sockets.discard(self)
        if hasattr(self, "_outbox"):
            self._outbox.close()
            # Who leaves says so, with a code.
            self.whisperer.disconnected(self._connection, lost=self.close_code in {None, TRY_AGAIN_LATER})

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a request could not be answered: %s", type(error).__name__, exc_info=error)

    async def _write(self, frames: list[str]) -> None:
        try:
            # Tornado queues them in order. Gathered, so that nobody misses what comes of those before the last.
            await asyncio.gather(*(self.write_message(frame) for frame in frames))
        except WebSocketClosedError:
            # on_close tells everybody who has to know.
            self._outbox.close()

    def _hang_up(self) -> None:
        self.close(RESTART, "resume")

    def _overflowed(self) -> None:
        log.warning("a client does not read: its socket is closed, it can resume")
        self.close(TRY_AGAIN_LATER, "too slow; resume")


class OpenRPCHandler(APIHandler):
    """The methods, as an OpenRPC document."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """The document."""
        self.finish(msgspec.json.encode(document(self.settings["whisperer"].methods)))


class HealthHandler(APIHandler):
    """Whether Whisperer runs, and if not, why."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized(action="read", resource=RESOURCE)  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """``status`` is ``ok`` or ``error``; ``problem`` says what to mend.

        ``problems``: what was left out, while the rest runs.
        """
        health = await self.settings["whisperer"].health()
        self.finish(msgspec.json.encode({"version": __version__, "problems": [], **health}))
