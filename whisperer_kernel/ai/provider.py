"""The seam to whoever serves a model: what the loop asks for, what comes back, and nothing about HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from whisperer_kernel.events import FinishReason, ProviderInfo, ProviderStatus, Usage
from whisperer_kernel.tools.call import ToolRequest, ToolSchema

Role = Literal["system", "user", "assistant", "tool"]


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message as the model sees it."""

    role: Role
    content: str
    tool_calls: tuple[ToolRequest, ...] = ()
    tool_call_id: str | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One round's request. ``model`` None: the provider's own default.

    ``parameters`` go to the provider as they are (``temperature``, ``max_tokens``, …). ``response_schema`` asks for a
    reply that is JSON of this schema.
    """

    messages: tuple[ChatMessage, ...]
    model: str | None = None
    tools: tuple[ToolSchema, ...] = ()
    parameters: dict[str, Any] = {}
    response_schema: dict[str, Any] | None = None


class TextDelta(msgspec.Struct, frozen=True):
    """New visible text."""

    text: str


class ReasoningDelta(msgspec.Struct, frozen=True):
    """New reasoning text."""

    text: str


class ToolRequestDelta(msgspec.Struct, frozen=True):
    """A whole tool request: fragments are put together by the provider, split by id (provider faults 30, 31)."""

    request: ToolRequest


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The model has ended. The last delta of a stream that ended well; a stream that ends without one was cut."""

    reason: FinishReason = "stop"
    usage: Usage | None = None


Delta = TextDelta | ReasoningDelta | ToolRequestDelta | ProviderStatus | Finish


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A model that a provider serves; ``context_length`` in tokens."""

    id: str
    name: str | None = None
    context_length: int | None = None


class Provider(Protocol):
    """Who serves a model.

    ``stream`` yields a batch of deltas for each read from the provider, so that text which arrived together can travel
    together. Where a stream has ended well its last delta is one ``Finish``. It raises ``ProviderError`` for everything
    that goes wrong, and closes its connection when it is closed or cancelled. It has retried by itself what may be
    retried before it yielded any text.
    """

    @property
    def info(self) -> ProviderInfo:
        """Who this is, as the user sees it, with the default model."""
        ...

    @property
    def supports_tools(self) -> bool:
        """Whether its models can call tools; others are asked for a reply of a given schema instead."""
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[Sequence[Delta]]:
        """Ask the model."""
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """What is on offer. Raises ``ProviderError``."""
        ...

    async def check(self) -> str:
        """In words that it would answer a message. Sends none, so nothing is billed. Raises ``ProviderError``."""
        ...

    async def context_length(self, model: str | None) -> int | None:
        """Tokens that fit into ``model``'s context, prompt and reply together; None where nobody says.

        Does not raise; cached; may ask the provider once.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and processes. May be called twice."""
        ...
