"""Any provider with OpenAI's chat-completions API: OpenRouter, OpenAI, Ollama, LM Studio, vLLM, llama.cpp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from whisperer_kernel.ai.catalogue import MAX_BYTES, parse_models
from whisperer_kernel.ai.exchange import ERROR_BODY_BYTES, Exchange
from whisperer_kernel.ai.failures import Failures
from whisperer_kernel.ai.http_client import is_encoded, make_client, read_at_most
from whisperer_kernel.ai.provider import ChatRequest, Delta, ModelInfo
from whisperer_kernel.ai.wire import encode_request
from whisperer_kernel.config import ProviderConfig
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderInfo
from whisperer_kernel.version import __version__

LIST_S = 15.0
"""Longest wait for the list of models where somebody asked for it."""

LENGTH_S = 3.0
"""Longest that a message waits for the list of models, to learn how much fits into its context."""

ASK_AGAIN_S = 300.0
"""A list that could not be had is asked for again after this time."""

SECRET_HEADER_CHARS = 8


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a provider is.

    ``key_name`` is the environment variable that ``key`` came from; ``extra`` goes into the body of each request;
    ``info.model`` is the model where a request names none.
    """

    info: ProviderInfo
    base_url: str
    key: str | None = field(default=None, repr=False)
    key_name: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class OpenAICompatibleProvider:
    """A provider behind HTTP. Makes its client at the first request, keeps connections, and follows no redirect."""

    supports_tools = True

    def __init__(self, endpoint: Endpoint, settings: ProviderConfig) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._base = endpoint.base_url.rstrip("/")
        secrets = [value for value in settings.headers.values() if len(value) >= SECRET_HEADER_CHARS]
        self._failures = Failures(endpoint.info.label, endpoint.key_name, [endpoint.key or "", *secrets])
        self._making: asyncio.Task[httpx.AsyncClient] | None = None
        self._exchanges: set[Exchange] = set()
        self._listing: asyncio.Task[list[ModelInfo]] | None = None
        self._lengths: dict[str, int] | None = None
        self._ask_again = self._wait_until = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoint.info.name} at {self._base}>"

    @property
    def info(self) -> ProviderInfo:
        """Who this is, with the default model."""
        return self._endpoint.info

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Sequence[Delta], None]:
        """Ask the model. See ``Provider.stream``."""
        model = request.model or self.info.model
        if model is None:
            raise ProviderError("bad_request", await self._how_to_choose())
        body = encode_request(request, model, self._settings.parameters, self._endpoint.extra)
        exchange = Exchange(self._client, f"{self._base}/chat/completions", body, self._failures, self._settings)
        self._exchanges.add(exchange)
        exchange.task.add_done_callback(lambda _: self._exchanges.discard(exchange))
        async with aclosing(exchange.batches()) as batches:
            async for batch in batches:
                yield batch

    async def models(self) -> Sequence[ModelInfo]:
        """What is on offer. Raises ``ProviderError``."""
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._list())
            self._listing.add_done_callback(_seen)
        # Shielded: one list serves all who wait for it, and who goes away does not take it along.
        return await asyncio.shield(self._listing)

    async def check(self) -> str:
        """In words that it would answer. Raises ``ProviderError``."""
        if self.info.name == "openrouter":
            await self._check_key()
        models = await self.models()
        label, model = self.info.label, self.info.model
        if model is None:
            return f"{label} answers; choose one of its {len(models)} models."
        if models and model not in {listed.id for listed in models}:
            raise ProviderError("bad_request", f"{label} answers, but lists no model {model}.")
        return f"{label} answers, and has {model}."

    async def context_length(self, model: str | None) -> int | None:
        """Tokens that fit into ``model``'s context: as configured, else as the provider lists it. Does not raise."""
        if self._settings.context_length is not None:
            return self._settings.context_length
        now = asyncio.get_running_loop().time()
        if self._lengths is None and now >= self._ask_again:
            self._ask_again, self._wait_until = now + ASK_AGAIN_S, now + LENGTH_S
        if self._lengths is None and now < self._wait_until:
            try:
                async with asyncio.timeout(self._wait_until - now):
                    await self.models()
            except (ProviderError, TimeoutError):
                self._wait_until = 0.0
        return (self._lengths or {}).get(model or self.info.model or "")

    async def aclose(self) -> None:
        """Close all connections; a reply that is still being read ends with an error."""
        for exchange in list(self._exchanges):
            await exchange.close()
        if self._listing is not None:
            self._listing.cancel()
            await asyncio.wait({self._listing})
        if self._making is not None:
            making, self._making = self._making, None
            with suppress(ProviderError):
                await (await making).aclose()

    async def _check_key(self) -> None:
        """OpenRouter's list of models is public; what it says of the key is not, and a gateway may not have it."""
        try:
            await self._get("/key")
        except ProviderError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def _client(self) -> httpx.AsyncClient:
        if self._making is None:
            self._making = asyncio.create_task(make_client(self._base, self._headers()))
        try:
            return await asyncio.shield(self._making)
        except ProviderError:
            self._making = None
            raise

    def _headers(self) -> dict[str, str]:
        headers = {
            "User-Agent": f"whisperer-kernel/{__version__}",
            "Content-Type": "application/json",
        }
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        if self.info.name == "openrouter":
            headers["X-Title"] = "Whisperer"
        headers |= self._settings.headers
        if not all(text.isascii() and text.isprintable() for header in headers.items() for text in header):
            # Said before anything is opened: a connection on which a header fails is not closed by itself.
            raise ProviderError("bad_request", f"A header for {self.info.label} cannot be sent: see provider.headers.")
        return headers

    async def _list(self) -> list[ModelInfo]:
        body = await self._get("/models")
        models = parse_models(body)
        if models is None:
            raise self._failures.not_a_reply(body[:ERROR_BODY_BYTES])
        self._lengths = {model.id: model.context_length for model in models if model.context_length is not None}
        return models

    async def _get(self, path: str) -> bytes:
        client = await self._client()
        limits = httpx.Timeout(None, connect=self._settings.connect_timeout_s)
        try:
            async with asyncio.timeout(LIST_S), client.stream("GET", self._base + path, timeout=limits) as response:
                body = await read_at_most(response, MAX_BYTES)
        except TimeoutError:
            raise self._failures.of_timeout("timeout_connect", LIST_S) from None
        except httpx.HTTPError as error:
            raise self._failures.of_transport(error, sent=False) from None
        if not response.is_success:
            raise self._failures.of_status(response.status_code, response.headers, body[:ERROR_BODY_BYTES])
        if is_encoded(response):
            raise self._failures.encoded()
        return body

    async def _how_to_choose(self) -> str:
        """The words for a request without a model, with some of the models there are."""
        words = self.info.notice or f"{self.info.label} has no model by default: name one in provider.model."
        try:
            names = [model.id for model in await self.models()][:5]
        except ProviderError:
            names = []
        return f"{words} For example: {', '.join(names)}." if names else words


def _seen(task: asyncio.Task[Any]) -> None:
    """Look at how a task ended, so that asyncio does not complain where nobody waited for it any more."""
    if not task.cancelled():
        task.exception()
