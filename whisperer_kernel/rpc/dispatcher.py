"""From a frame to the method it names and back. Knows nothing of what carries the frame."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from whisperer_kernel.errors import InvalidParams, WhispererError
from whisperer_kernel.rpc import messages
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.messages import Absent, Malformed, Request

log = logging.getLogger(__name__)


class Call:
    """One frame's requests while they are handled. What they cause is shown to the caller after the response."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._holds: list[bool] = []
        self._at_last: list[Callable[[], None]] = []

    def hold(self, *, text: bool = False) -> None:
        """Show the caller nothing that this causes before the response; others are not kept waiting.

        A running turn's text goes on, since a response may take seconds. It is held as well with ``text``: where the
        caller does not know the session yet, or has still to be shown what went before.
        """
        self._holds.append(text)
        self.connection.hold(text=text)

    def at_last(self, callback: Callable[[], None]) -> None:
        """Do this when the response and all that was held has been sent."""
        self._at_last.append(callback)

    def responded(self) -> None:
        """The response is on its way."""
        for text in self._holds:
            self.connection.release(text=text)
        for callback in self._at_last:
            callback()


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """A method as it is called and described. ``handle`` takes the call and decoded ``params``."""

    name: str
    params: type[msgspec.Struct]
    result: Any
    handle: Callable[[Call, Any], Awaitable[Any]]
    summary: str


class Dispatcher:
    """Calls methods. ``handle`` never raises: whatever a frame holds, the answer is a frame or nothing."""

    def __init__(self, methods: dict[str, Method], *, broken: WhispererError | None = None) -> None:
        self._methods = methods
        self._broken = broken

    async def handle(self, text: str, connection: Connection) -> None:
        """Handle a frame and send its response, if it gets one."""
        call = Call(connection)
        try:
            response = await self._respond(messages.read(text), call)
            if response:
                connection.write(messages.write(response))
        finally:
            call.responded()

    async def _respond(
        self, frame: list[Request | Malformed] | Request | Malformed, call: Call
    ) -> dict[str, Any] | list[dict[str, Any]] | None:
        if not isinstance(frame, list):
            return await self._one(frame, call)
        # In order, so that a batch may start a session and speak to it.
        responses = [await self._one(item, call) for item in frame]
        return [response for response in responses if response is not None]

    async def _one(self, item: Request | Malformed, call: Call) -> dict[str, Any] | None:
        if isinstance(item, Malformed):
            return item.response
        request_id = None if isinstance(item.id, Absent) else item.id
        try:
            response = messages.result_response(request_id, await self._call(item, call))
        except WhispererError as error:
            response = messages.whisperer_error(request_id, error)
        except _NoSuchMethod:
            response = messages.error_response(request_id, messages.METHOD_NOT_FOUND, "Method not found")
        except Exception as error:
            log.exception("%s failed", item.method if item.method in self._methods else "a request")
            response = messages.error_response(
                request_id, messages.INTERNAL_ERROR, "Internal error", {"kind": type(error).__name__}
            )
        return None if isinstance(item.id, Absent) else response

    async def _call(self, request: Request, call: Call) -> Any:
        if self._broken is not None:
            raise self._broken
        method = self._methods.get(request.method)
        if method is None:
            raise _NoSuchMethod
        return await method.handle(call, decode_params(request.params, method.params))


class _NoSuchMethod(Exception):
    """The method is not among ours."""


def decode_params(params: dict[str, Any] | list[Any], kind: type[msgspec.Struct]) -> Any:
    """The parameters as ``kind``, by name or by position. Raises ``InvalidParams`` that names the parameter."""
    if isinstance(params, list):
        names = kind.__struct_encode_fields__
        if len(params) > len(names):
            raise InvalidParams(f"takes at most {len(names)} parameters")
        params = dict(zip(names, params, strict=False))
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return msgspec.convert(given, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidParams(f"Invalid params: {error}") from error
