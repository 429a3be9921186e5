"""One request and its reply: time-outs, retries, and a connection that is closed whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from whisperer_kernel.ai.failures import Failures
from whisperer_kernel.ai.http_client import is_encoded, read_at_most
from whisperer_kernel.ai.phase_clock import PhaseClock
from whisperer_kernel.ai.provider import Delta, Finish
from whisperer_kernel.ai.reply import ReplyDecoder
from whisperer_kernel.ai.retry import may_repeat, pause_s
from whisperer_kernel.config import ProviderConfig
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderStatus

_log = logging.getLogger(__name__)

USAGE_GRACE_S = 1.0
"""How long after the finish reason the usage is waited for, from servers that do not end the stream."""

DRAIN_S = 0.2
"""How long after the end the connection may take to become usable again; then it is closed."""

CLOSE_S = 1.0
AHEAD = 32
"""Batches read before they are taken; then reading waits, and TCP slows the provider down."""

ERROR_BODY_BYTES, ERROR_BODY_S = 1 << 16, 5.0
JSON_BODY_BYTES = 8 << 20
WORTH_TELLING_S = 2.0
"""A shorter wait before a retry is not shown."""


class Exchange:
    """Sends one request and hands over its reply, batch by batch.

    A task of its own reads: httpx loses a connection whose task is cancelled twice (encode/httpx#3782), so nobody but
    this class cancels that task, and this class does so once.
    """

    def __init__(
        self,
        client: Callable[[], Awaitable[httpx.AsyncClient]],
        url: str,
        body: bytes,
        failures: Failures,
        settings: ProviderConfig,
    ) -> None:
        self._client = client
        self._url = url
        self._body = body
        self._failures = failures
        self._settings = settings
        self._ready: deque[list[Delta]] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._over = False
        self._error: ProviderError | None = None
        self._sent = self._said = self._told = self._finished = self._cancelled = False
        self._clock = PhaseClock()
        self._socket: Any = None
        self.task = asyncio.create_task(self._run())

    async def batches(self) -> AsyncGenerator[list[Delta], None]:
        """The reply. Closing this, or cancelling who waits for it, closes the connection."""
        try:
            while batch := await self._next():
                yield batch
                if self._finished and not self._ready:
                    return
            if self._error is not None:
                raise self._error
        finally:
            if not self._finished:
                await self.close()

    async def close(self) -> None:
        """Give up, and wait until the connection is closed. A second cancellation does not reach the reading task."""
        if not self._cancelled and not self._clock.expired:
            self._cancelled = True
            self.task.cancel()
        await asyncio.wait({self.task}, timeout=CLOSE_S)

    async def _next(self) -> list[Delta]:
        """All that has been read and not taken; nothing at the end."""
        while not self._ready and not self._over:
            self._wake.clear()
            await self._wake.wait()
        batch = list(itertools.chain.from_iterable(self._ready))
        self._ready.clear()
        self._room.set()
        return batch

    async def _put(self, batch: list[Delta]) -> None:
        if not batch:
            return
        if self._told and not self._said:
            self._ready.append([ProviderStatus(state="ready", message=f"{self._failures.label} answers.")])
        self._said = True
        self._finished = isinstance(batch[-1], Finish)
        self._ready.append(batch)
        self._wake.set()
        if len(self._ready) >= AHEAD:
            self._clock.pause()
            self._room.clear()
            await self._room.wait()
            self._clock.restart()

    async def _run(self) -> None:
        try:
            await self._attempts()
        except ProviderError as error:
            self._error = error
        except asyncio.CancelledError:
            self._error = ProviderError("unavailable", f"The connection to {self._failures.label} was closed here.")
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: a turn ends in words, whatever a library raises
            # Its text may hold a header, so its name must do.
            _log.warning("unexpected %s from the HTTP client", type(error).__name__)
            self._error = ProviderError("internal", f"The request to {self._failures.label} failed unexpectedly.")
        finally:
            self._over = True
            self._wake.set()

    async def _attempts(self) -> None:
        for attempt in itertools.count(1):
            try:
                await self._attempt()
            except ProviderError as error:
                pause = pause_s(error, attempt, self._settings, random.random)
                if pause is None or self._said or not may_repeat(error, sent=self._sent):
                    raise
                self._tell(error, pause)
            else:
                return
            await asyncio.sleep(pause)

    def _tell(self, error: ProviderError, pause: float) -> None:
        if pause >= WORTH_TELLING_S:
            self._told = True
            message = f"{error} Asking again in {pause:.0f} s."
            self._ready.append([ProviderStatus(state="starting", message=message)])
            self._wake.set()

    async def _attempt(self) -> None:
        self._sent = False
        decoder = ReplyDecoder(self._failures)
        try:
            async with self._clock:
                self._clock.enter("timeout_connect", self._settings.connect_timeout_s)
                await self._exchange(decoder)
        except TimeoutError:
            await self._timed_out(decoder)
        except httpx.HTTPError as error:
            raise self._failures.of_transport(error, sent=self._sent) from None

    async def _exchange(self, decoder: ReplyDecoder) -> None:
        client = await self._client()
        self._socket = None
        try:
            async with client.stream(
                "POST", self._url, content=self._body, extensions={"trace": self._trace}
            ) as response:
                self._clock.enter("timeout_idle", self._settings.idle_timeout_s)
                await self._answer(response, decoder)
        except asyncio.CancelledError:
            # httpcore leaves the socket open where it is cancelled in a TLS handshake.
            if self._socket is not None:
                await self._socket.aclose()
            raise

    async def _answer(self, response: httpx.Response, decoder: ReplyDecoder) -> None:
        if not response.is_success:
            raise await self._refusal(response)
        if is_encoded(response):
            raise self._failures.encoded()
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/html":
            raise self._failures.not_a_reply(await read_at_most(response, ERROR_BODY_BYTES))
        if kind == "application/json":
            await self._put(decoder.feed_body(await read_at_most(response, JSON_BODY_BYTES)))
        else:
            await self._read(response.aiter_raw(), decoder)
        if decoder.error is not None:
            raise decoder.error

    async def _read(self, body: AsyncIterator[bytes], decoder: ReplyDecoder) -> None:
        # A reset is an end like any other: what came is kept, and the missing finish says the rest.
        with contextlib.suppress(httpx.ReadError, httpx.RemoteProtocolError):
            async for data in body:
                await self._take_in(data, decoder)
                if decoder.ended:
                    break
        await self._put(decoder.end())
        if decoder.error is None:
            await self._drain(body)

    async def _take_in(self, data: bytes, decoder: ReplyDecoder) -> None:
        heard, finishing = decoder.heard, decoder.finishing
        batch = decoder.feed(data)
        if decoder.finishing and not finishing:
            self._clock.enter(None, USAGE_GRACE_S)
        elif decoder.heard != heard and not finishing:
            self._clock.restart()
        await self._put(batch)

    async def _drain(self, body: AsyncIterator[bytes]) -> None:
        """Read the end of the body, so that the connection serves the next request too."""
        self._clock.enter(None, DRAIN_S)
        async for _ in body:
            pass

    async def _timed_out(self, decoder: ReplyDecoder) -> None:
        if self._clock.kind is not None:
            raise self._failures.of_timeout(self._clock.kind, self._clock.seconds) from None
        await self._put(decoder.end())

    async def _refusal(self, response: httpx.Response) -> ProviderError:
        body = b""
        self._clock.pause()
        try:
            async with asyncio.timeout(ERROR_BODY_S):
                body = await read_at_most(response, ERROR_BODY_BYTES)
        except (TimeoutError, httpx.HTTPError):
            _log.debug("the body of an error did not arrive whole")
        return self._failures.of_status(response.status_code, response.headers, body)

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        """What httpcore tells of how far it is: from the headers on the request may have reached the model."""
        if event.endswith("connect_tcp.complete"):
            self._socket = info.get("return_value")
        elif event.endswith("send_request_headers.started"):
            self._sent = True
            self._clock.enter("timeout_first_byte", self._settings.first_byte_timeout_s)
