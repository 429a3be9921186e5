"""The turn: provider stream → stream callbacks → end. Rounds and tool calls in between, nothing kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Protocol

import msgspec

from whisperer_kernel.ai.provider import (
    ChatMessage,
    ChatRequest,
    Delta,
    Finish,
    Provider,
    ReasoningDelta,
    TextDelta,
    ToolRequestDelta,
)
from whisperer_kernel.ai.shorter import repeatable
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import FinishReason, ProviderStatus, TurnError, Usage
from whisperer_kernel.tools.call import ToolRequest, ToolResult

LAST_ATTEMPT = "This was the last attempt: tell the person why it failed, and do not try again."


class StreamCallbacks(Protocol):
    """Where a turn's events go. ``text`` and ``reasoning`` are called the moment a chunk arrives and must not block."""

    def text(self, chunk: str) -> None:
        """New text."""
        ...

    def reasoning(self, chunk: str) -> None:
        """New reasoning."""
        ...

    async def provider(self, status: ProviderStatus) -> None:
        """The provider is being made ready."""
        ...

    async def call(self, request: ToolRequest) -> ToolResult:
        """Carry out a tool call, from preparing it to telling of its end. Whatever goes wrong is a result."""
        ...

    def fit(self, request: ChatRequest) -> ChatRequest:
        """The request with what tools have returned, made to fit the model's context again."""
        ...


class TurnEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn ended."""

    reason: FinishReason
    usage: Usage | None = None
    error: TurnError | None = None


class _Round(msgspec.Struct):
    """One model response as it comes in."""

    texts: list[str] = []
    requests: list[ToolRequest] = []
    finish: Finish | None = None


class StatelessAILoop:
    """Runs turns. Holds what it was given and nothing of any turn."""

    def __init__(self, provider: Provider, *, max_rounds: int, max_reply_chars: int) -> None:
        self._provider = provider
        self._max_rounds = max_rounds
        self._max_reply_chars = max_reply_chars

    async def run(self, request: ChatRequest, on: StreamCallbacks) -> TurnEnd:
        """One turn. Raises nothing but ``CancelledError``; then the provider's connection is closed."""
        usage: Usage | None = None
        room = self._max_reply_chars
        try:
            for _ in range(self._max_rounds):
                response = _Round()
                room = await self._round(request, response, on, room)
                usage = summed(usage, response.finish)
                if room <= 0:
                    return TurnEnd(reason="length", usage=usage)
                if response.finish is None:
                    return TurnEnd(reason="interrupted", usage=usage)
                if not response.requests or response.finish.reason != "stop":
                    return TurnEnd(reason=response.finish.reason, usage=usage)
                request = await self._answer(request, response, on)
        except ProviderError as error:
            return TurnEnd(reason="error", usage=usage, error=turn_error(error))
        return TurnEnd(reason="max_rounds", usage=usage)

    async def _round(self, request: ChatRequest, response: _Round, on: StreamCallbacks, room: int) -> int:
        """Stream one response; returns how many characters the turn may still have."""
        async with aclosing(self._provider.stream(request)) as batches:  # type: ignore[type-var]  # a generator, as every stream here
            async for batch in batches:
                room -= await _relay(batch, response, on)
                if room <= 0 or response.finish is not None:
                    break
        return room

    async def _answer(self, request: ChatRequest, response: _Round, on: StreamCallbacks) -> ChatRequest:
        """Call the tools that were asked for; the next round's request."""
        wishes = tuple(map(repeatable, response.requests))
        asked = ChatMessage(role="assistant", content="".join(response.texts), tool_calls=wishes)
        results = [
            ChatMessage(role="tool", content=_told(await on.call(wish)), tool_call_id=wish.id)
            for wish in response.requests
        ]
        return on.fit(msgspec.structs.replace(request, messages=(*request.messages, asked, *results)))


def _told(result: ToolResult) -> str:
    return f"{result.content}\n\n{LAST_ATTEMPT}" if result.is_last else result.content


async def _relay(batch: Sequence[Delta], response: _Round, on: StreamCallbacks) -> int:
    """Pass on what arrived in one read: neighbouring text as one chunk. Returns the characters passed on."""
    sent = 0
    for kind, text in _joined(batch):
        if kind is TextDelta:
            response.texts.append(text)
            on.text(text)
        else:
            on.reasoning(text)
        sent += len(text)
    for delta in batch:
        if isinstance(delta, ToolRequestDelta):
            response.requests.append(delta.request)
        elif isinstance(delta, ProviderStatus):
            await on.provider(delta)
        elif isinstance(delta, Finish):
            response.finish = delta
    return sent


def _joined(batch: Sequence[Delta]) -> list[tuple[type, str]]:
    runs: list[tuple[type, list[str]]] = []
    for delta in batch:
        if isinstance(delta, TextDelta | ReasoningDelta) and delta.text:
            if not runs or runs[-1][0] is not type(delta):
                runs.append((type(delta), []))
            runs[-1][1].append(delta.text)
    return [(kind, printable("".join(texts))) for kind, texts in runs]


def printable(text: str) -> str:
    r"""The text with lone surrogates, which neither UTF-8 nor SQLite can carry, as U+FFFD.

    >>> printable("a\\ud83d")
    'a\ufffd'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def turn_error(error: ProviderError) -> TurnError:
    """The error as a turn's final event carries it."""
    return TurnError(kind=error.kind, message=str(error), status=error.status, retry_after=error.retry_after)


def summed(usage: Usage | None, finish: Finish | None) -> Usage | None:
    """The usage of the responses so far and of one more."""
    if finish is None or finish.usage is None:
        return usage
    return finish.usage if usage is None else usage + finish.usage
