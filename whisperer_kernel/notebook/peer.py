"""A JSON-RPC client that outlives its connections: what was under way when one broke is asked again on the next."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from whisperer_kernel import errors
from whisperer_kernel.errors import LimitReached, ProviderError, WhispererError
from whisperer_kernel.notebook.transport import Disconnected, ServerLost, Transport

Params = dict[str, Any]
OnResult = Callable[[Any], None]


class NoSuchMethod(WhispererError):
    """The other side does not know the method: it is older than this client."""

    code = -32601


GIVE_UP_S = 30.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 3.0
TRIES = 5

_BY_CODE: dict[int, type[WhispererError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidParams,
        errors.NoSuchAgent,
        errors.NoSuchSession,
        errors.QueueFull,
        errors.NotPermitted,
        errors.StoreError,
        errors.NoSuchItem,
        NoSuchMethod,
    )
}


class Listener:
    """Who is told what comes in unasked; every method may be left as it is."""

    def notified(self, method: str, params: Params) -> None:
        """A notification came."""

    async def connected(self) -> None:
        """A connection is there, and nothing else is asked on it before this returns. May use ``exchange`` alone."""

    def lost(self) -> None:
        """The connection broke; another is tried for."""

    def gone(self, error: WhispererError) -> None:
        """There is no connection, and none is tried for until somebody asks again."""


class Peer:
    """Asks and listens. A lost connection is made anew for ``GIVE_UP_S`` seconds, then again when somebody asks."""

    def __init__(self, transport: Transport, listener: Listener) -> None:
        self._transport = transport
        self._listener = listener
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Asked] = {}
        self._connecting: asyncio.Task[None] | None = None

    async def request(self, method: str, params: Params | None = None, then: OnResult | None = None) -> Any:
        """The result of a request, asked again where the connection broke meanwhile: it must bear that.

        ``then`` is called with the result before anything that came after it is looked at.

        Raises:
            ServerLost: Nobody answers.
            WhispererError: What the other side answered, typed by its code.
        """
        for attempt in range(1, TRIES + 1):
            await self.connect()
            try:
                return await self.exchange(method, params, then)
            except Disconnected as error:
                if error.reason is not None:
                    raise error.reason from None
                if attempt == TRIES:
                    raise ServerLost(str(error)) from None
        raise AssertionError

    async def exchange(self, method: str, params: Params | None = None, then: OnResult | None = None) -> Any:
        """One request on the connection that is there. Raises ``Disconnected`` as well."""
        request_id = next(self._ids)
        self._transport.send(_encoded({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}))
        asked = self._waiting[request_id] = _Asked(asyncio.get_running_loop().create_future(), then)
        return await asked.answer

    async def connect(self) -> None:
        """Be connected. Raises ``WhispererError`` where that is not to be had."""
        if self._connecting is None or _failed(self._connecting):
            self._start_connecting()
        assert self._connecting is not None  # noqa: S101 - for the type checker
        # Shielded: others wait for the same connection.
        await asyncio.shield(self._connecting)

    async def aclose(self) -> None:
        """Disconnect; what is under way fails."""
        if self._connecting is not None:
            self._connecting.cancel()
        self._fail_waiting(Disconnected("closed", ServerLost("The connection was closed.")))
        await self._transport.aclose()

    def _start_connecting(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add_done_callback(self._connect_ended)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GIVE_UP_S
        wait = FIRST_WAIT_S
        while True:
            try:
                await self._transport.open(self._frame, self._lost)
                await self._listener.connected()
            except Disconnected as error:
                if loop.time() + wait > deadline:
                    raise ServerLost(f"{error} It was tried for {GIVE_UP_S:.0f} s.") from None
            else:
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    def _connect_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._listener.gone(error if isinstance(error, WhispererError) else WhispererError(str(error)))

    def _lost(self, loss: Disconnected) -> None:
        self._listener.lost()
        self._fail_waiting(loss)
        # While connecting, the request of `connected` that failed just now has it tried again.
        if self._connecting is not None and self._connecting.done():
            self._start_connecting()

    def _fail_waiting(self, loss: Disconnected) -> None:
        waiting, self._waiting = self._waiting, {}
        for asked in waiting.values():
            if not asked.answer.done():
                asked.answer.set_exception(loss)

    def _frame(self, frame: str) -> None:
        message = msgspec.json.decode(frame)
        if "method" in message:
            self._listener.notified(message["method"], message["params"])
        elif (asked := self._waiting.pop(message.get("id"), None)) is not None:
            asked.answered(message)


class _Asked:
    """A request that waits for its answer."""

    def __init__(self, answer: asyncio.Future[Any], then: OnResult | None) -> None:
        self.answer = answer
        self._then = then

    def answered(self, message: dict[str, Any]) -> None:
        if "error" not in message and self._then is not None:
            # Also where nobody waits any more: what was begun has to be known to be cancelled.
            self._then(message["result"])
        if self.answer.done():
            return
        if "error" in message:
            self.answer.set_exception(error_of(**message["error"]))
        else:
            self.answer.set_result(message["result"])


def error_of(code: int, message: str, data: dict[str, Any] | None = None) -> WhispererError:
    """The typed error of an error response.

    >>> error_of(-32001, "There is no agent bob.")
    NoSuchAgent('There is no agent bob.')
    """
    data = data or {}
    if code == LimitReached.code:
        return LimitReached(message, str(data.get("limit", "")))
    if code == ProviderError.code:
        return ProviderError(data.get("kind", "internal"), message)
    return _BY_CODE.get(code, WhispererError)(message, **data)


def _encoded(message: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(message).decode()
    except UnicodeEncodeError:
        _refuse("the text holds half a character (a lone surrogate), which cannot be sent")
    except (TypeError, OverflowError) as error:
        _refuse(str(error))


def _refuse(why: str) -> NoReturn:
    raise errors.InvalidParams(f"This cannot be sent: {why}.") from None


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
