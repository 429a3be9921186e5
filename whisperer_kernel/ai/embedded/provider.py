"""The built-in model as a provider: fetched and started when it is first asked, stopped when nobody asks any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from whisperer_kernel import resources
from whisperer_kernel.ai.embedded import weights
from whisperer_kernel.ai.embedded.process import PARALLEL, ModelProcess
from whisperer_kernel.ai.embedded.repetition import Repetition
from whisperer_kernel.ai.embedded.startup import Startup
from whisperer_kernel.ai.openai_compatible import Endpoint, OpenAICompatibleProvider
from whisperer_kernel.ai.provider import ChatRequest, Delta, Finish, ModelInfo, TextDelta
from whisperer_kernel.config import Config, ProviderConfig
from whisperer_kernel.errors import ConfigError, ProviderError
from whisperer_kernel.events import ProviderInfo, ProviderStatus

MAX_TOKENS = 512
"""What a reply is limited to where the request names no limit; a small model may else never stop."""

WAIT_S = 120.0
"""How long a request waits for its turn."""

# As the model's card recommends; and so small a model falls into repeating itself where nothing holds it back.
SAMPLING = {"temperature": 0.2, "top_p": 0.9, "repeat_penalty": 1.1, "dry_multiplier": 0.8, "dry_allowed_length": 6}
INSTEAD = "Choose another provider in the chat, set OPENROUTER_API_KEY, or start Ollama."

Fetch = Callable[[weights.Report], Awaitable[Path]]


class Running(msgspec.Struct, frozen=True):
    """A model that runs, and the client that asks it."""

    process: ModelProcess
    client: OpenAICompatibleProvider


class EmbeddedProvider:
    """A model on this machine. One process serves all sessions, two requests at once; further ones wait."""

    supports_tools = False  # the model's chat template ignores them in silence

    def __init__(self, config: Config, fetch: Fetch = weights.built_in) -> None:
        self._config = config
        self._fetch = fetch
        self._own = None if config.embedded.gguf is None else own_gguf(config.embedded.gguf)
        self._running: Running | None = None
        self._startup: Startup[Running] | None = None
        self._slots = asyncio.Semaphore(PARALLEL)
        self._asking = 0
        self._idle: asyncio.TimerHandle | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    @property
    def info(self) -> ProviderInfo:
        """The demo, or the user's own model."""
        if self._own is None:
            return ProviderInfo(
                name="embedded", label="Built-in demo model", model=weights.MODEL, demo=True, notice=INSTEAD
            )
        return ProviderInfo(name="embedded", label="Local model", model=self._own.stem)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Sequence[Delta], None]:
        """Ask the model; what it takes to get it ready is told as ``ProviderStatus`` first."""
        async with self._kept():
            if startup := self._not_running():
                # Closed with this reply, so that a start for which nobody waits any more is given up.
                async with aclosing(startup.follow()) as news:
                    async for status in news:
                        yield [status]
            if busy := self._slots.locked():
                yield [ProviderStatus(state="starting", message=f"{self.info.label} is busy with other messages.")]
            async with self._turn(), aclosing(self._reply(request)) as reply:
                if busy:
                    yield [ProviderStatus(state="ready", message=f"{self.info.label} has time now.")]
                async for batch in reply:
                    yield batch

    async def _reply(self, request: ChatRequest) -> AsyncGenerator[Sequence[Delta], None]:
        if (running := self._running) is None:
            raise ProviderError("unavailable", f"{self.info.label} was stopped. Send the message again.")
        batch: Sequence[Delta] = ()
        repetition = Repetition()
        try:
            async with aclosing(running.client.stream(self._adapted(request))) as reply:
                async for batch in reply:
                    yield batch
                    # A reply of a given shape is bounded by it, and would be broken by words of ours.
                    if request.response_schema is None and _has_looped(batch, repetition):
                        yield [TextDelta(self._looped(repetition)), Finish()]
                        return
        except ProviderError as error:
            if error.kind == "unavailable":
                self._crashed(running)
                if batch:  # closed with the process that the other reply found broken: interrupted like that one
                    return
            raise
        if not (batch and isinstance(batch[-1], Finish)):
            self._crashed(running)

    def _looped(self, repetition: Repetition) -> str:
        fence = "\n```" if repetition.is_code else ""
        return f"{fence}\n\n*{self.info.label} began to repeat itself and was stopped here.*"

    def _crashed(self, running: Running) -> None:
        """Let go of a process that broke off: the operating system takes a moment to report it as dead."""
        if self._running is running:
            self._stop()

    async def models(self) -> Sequence[ModelInfo]:
        """The one model."""
        return [ModelInfo(id=self.info.model or "", context_length=self._config.embedded.context_length)]

    async def check(self) -> str:
        """In words what it takes for it to answer. Raises ``ProviderError``."""
        _check_runtime()
        if self._own is None and not await asyncio.to_thread(weights.are_here):
            return f"{self.info.label} is fetched at the first question (93 MB), and runs on this machine."
        return f"{self.info.label} runs on this machine."

    async def context_length(self, model: str | None) -> int | None:  # noqa: ARG002 - there is one
        """As configured."""
        return self._config.embedded.context_length

    async def aclose(self) -> None:
        """Stop the process."""
        if self._idle is not None:
            self._idle.cancel()
        if self._startup is not None:
            await self._startup.cancel()
        self._stop()
        if self._stopping:
            await asyncio.wait(self._stopping)

    @asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        """While it is asked something it does not count as idle."""
        self._asking += 1
        if self._idle is not None:
            self._idle.cancel()
        try:
            yield
        finally:
            self._asking -= 1
            if self._asking == 0:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(self._config.embedded.idle_stop_s, self._stop)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            raise ProviderError("rate_limited", f"{self.info.label} is busy with other messages. Try again.") from None
        try:
            yield
        finally:
            self._slots.release()

    def _not_running(self) -> Startup[Running] | None:
        """The start to wait for; None where the model runs."""
        if self._running is not None and self._running.process.alive:
            return None
        self._stop()
        if self._startup is None or self._startup.over:
            self._startup = Startup(self._start)
        return self._startup

    async def _start(self, report: weights.Report) -> Running:
        _check_runtime()
        gguf = self._own or await self._fetch(report)
        try:
            process = await self._launch(gguf, report)
        except ProviderError:
            if self._own is not None or not await weights.remove_damaged(gguf):
                raise
            process = await self._launch(await self._fetch(_again(report)), report)
        self._running = Running(process, self._client(process))
        report(ProviderStatus(state="ready", message=f"{self.info.label} is ready.", progress=1.0))
        return self._running

    async def _launch(self, gguf: Path, report: weights.Report) -> ModelProcess:
        report(ProviderStatus(state="starting", message=f"{self.info.label} is starting."))
        settings = self._config.embedded
        return await ModelProcess.start(gguf, self.info.model or gguf.stem, settings.context_length, settings.threads)

    def _client(self, process: ModelProcess) -> OpenAICompatibleProvider:
        # A long prompt on a busy machine takes minutes before the first token. Each request has a connection of its
        # own: on one kept from before, a request may meet its server closing it.
        settings = ProviderConfig(
            first_byte_timeout_s=300.0, idle_timeout_s=120.0, max_retries=1, headers={"Connection": "close"}
        )
        return OpenAICompatibleProvider(Endpoint(info=self.info, base_url=process.base_url, key=process.key), settings)

    def _adapted(self, request: ChatRequest) -> ChatRequest:
        """The request as this model can take it: never without a limit, and without tools."""
        defaults = SAMPLING if self._own is None else {}
        parameters: dict[str, Any] = {**defaults, **self._config.provider.parameters, **request.parameters}
        if not isinstance(parameters.get("max_tokens"), int):
            parameters["max_tokens"] = MAX_TOKENS
        return msgspec.structs.replace(request, model=self.info.model, tools=(), parameters=parameters)

    def _stop(self) -> None:
        """Let the process go, in the background."""
        running, self._running = self._running, None
        if running is not None:
            task = asyncio.get_running_loop().create_task(_end(running))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)


def _has_looped(batch: Sequence[Delta], repetition: Repetition) -> bool:
    """Whether a reply that still goes on only repeats itself."""
    text = "".join(delta.text for delta in batch if isinstance(delta, TextDelta))
    return repetition.feed(text) and not isinstance(batch[-1], Finish)


async def _end(running: Running) -> None:
    await running.client.aclose()
    await running.process.stop()


def _again(report: weights.Report) -> weights.Report:
    """Says with all news why there is anything to fetch."""

    def explained(status: ProviderStatus) -> None:
        report(msgspec.structs.replace(status, message=f"The model's file was damaged. {status.message}"))

    return explained


def own_gguf(name: str) -> Path:
    """The user's own model file. Raises ``ConfigError`` where it is none."""
    path = resources.expanded(name).resolve()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ConfigError(f"embedded.gguf: {path}: {error.strerror}") from error
    if magic != b"GGUF":
        raise ConfigError(f"embedded.gguf: {path} is not a GGUF file")
    return path


def _check_runtime() -> None:
    if find_spec("xllamacpp") is None:
        raise ProviderError("unavailable", f"Local models need the package xllamacpp, which is not here. {INSTEAD}")
