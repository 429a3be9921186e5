"""An answer while it is being given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from whisperer_kernel.notebook.background import background
from whisperer_kernel.notebook.caller import Caller, Operation
from whisperer_kernel.notebook.errands import Errands
from whisperer_kernel.notebook.reply import Reply
from whisperer_kernel.notebook.session_client import SessionClient
from whisperer_kernel.notebook.turn import Turn


class ReplyStream:
    """Chunks of text as they come, by ``async for`` in a notebook or by ``for`` in a script; then ``reply``.

    The message is sent when the first chunk is asked for. A turn that fails raises ``TurnFailed`` after its text. Who
    stops half way and wants the turn to end too calls ``Whisperer.cancel``, or iterates in ``with stream:``.

    ``errands`` are what the caller's thread does while it waits. ``rest_s``: so many seconds are let pass between two
    chunks; what comes meanwhile is one chunk.
    """

    def __init__(
        self, caller: Caller, begin: Operation[Turn], errands: Errands, rest_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._caller = caller
        self._begin = begin
        self._errands = errands
        self._rest_s = rest_s
        self._client: SessionClient | None = None
        self._turn: Turn | None = None
        self._reply: Reply | None = None

    @property
    def reply(self) -> Reply:
        """The whole reply. Raises ``RuntimeError`` before its end."""
        if self._reply is None:
            raise RuntimeError("The reply is whole when the stream has ended; iterate over it first.")
        return self._reply

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def __aiter__(self) -> ReplyStream:
        return self

    async def __anext__(self) -> str:
        with self._turn_ends_with_caller():
            chunk = await self._caller.run(self._next, self._errands)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def __iter__(self) -> ReplyStream:
        return self

    def __next__(self) -> str:
        with self._turn_ends_with_caller():
            chunk = self._caller.wait(self._next, self._errands)
        if chunk is None:
            raise StopIteration
        return chunk

    @contextmanager
    def _turn_ends_with_caller(self) -> Iterator[None]:
        """A caller who is interrupted on the way to the session, where nobody there would see it, ends the turn too."""
        try:
            yield
        except (asyncio.CancelledError, KeyboardInterrupt):
            self._abandon()
            raise

    def _abandon(self) -> None:
        """End the turn, unless it has ended."""
        if self._client is not None and self._turn is not None:
            background().loop.call_soon_threadsafe(self._client.abandon, self._turn)

    async def _next(self, client: SessionClient) -> str | None:
        if self._turn is None:
            # Kept: a turn goes on with the client that began it.
            self._client, self._turn = client, await self._begin(client)
        elif (seconds := self._rest_s()) > 0:
            await self._turn.rest(seconds)
        assert self._client is not None  # noqa: S101 - set with the turn
        chunk = await self._client.next(self._turn)
        if chunk is None:
            self._reply = await self._turn.reply()
        return chunk
