"""Asking a provider and looking at all that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.provider import FakeProvider
from whisperer_kernel.ai.openai_compatible import Endpoint, OpenAICompatibleProvider
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
from whisperer_kernel.config import ProviderConfig
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderInfo, ProviderStatus
from whisperer_kernel.tools.call import ToolRequest

KEY = "sk-or-test-key-0123456789"
SETTINGS: dict[str, Any] = {"connect_timeout_s": 2, "first_byte_timeout_s": 2, "idle_timeout_s": 2, "max_retries": 0}


@dataclass
class Heard:
    """What came, and how it ended."""

    batches: list[Sequence[Delta]] = field(default_factory=list)
    error: ProviderError | None = None

    @property
    def deltas(self) -> list[Delta]:
        """All deltas, whatever batch they came in."""
        return [delta for batch in self.batches for delta in batch]

    @property
    def text(self) -> str:
        """All visible text."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, TextDelta))

    @property
    def reasoning(self) -> str:
        """All reasoning."""
        return "".join(delta.text for delta in self.deltas if isinstance(delta, ReasoningDelta))

    @property
    def tools(self) -> list[ToolRequest]:
        """All tool requests."""
        return [delta.request for delta in self.deltas if isinstance(delta, ToolRequestDelta)]

    @property
    def statuses(self) -> list[ProviderStatus]:
        """What was said about the provider itself."""
        return [delta for delta in self.deltas if isinstance(delta, ProviderStatus)]

    @property
    def finishes(self) -> list[Finish]:
        """The ends; there is one at most, and nothing after it."""
        found = [delta for delta in self.deltas if isinstance(delta, Finish)]
        assert not found or self.deltas[-1] is found[-1]
        return found

    @property
    def reason(self) -> str | None:
        """How the model finished; None where it did not."""
        return self.finishes[0].reason if len(self.finishes) == 1 else None

    @property
    def kind(self) -> str | None:
        """What kind of error ended it."""
        return self.error.kind if self.error else None


def provider_at(
    url: str, *, name: str = "openrouter", model: str | None = "m", **settings: Any
) -> OpenAICompatibleProvider:
    """A provider with a key and short time-outs."""
    endpoint = Endpoint(
        info=ProviderInfo(name=name, label="OpenRouter", model=model),
        base_url=url,
        key=KEY,
        key_name="OPENROUTER_API_KEY",
    )
    return OpenAICompatibleProvider(endpoint, ProviderConfig(**{**SETTINGS, **settings}))


def question(model: str | None = None, text: str = "Hello?", **more: Any) -> ChatRequest:
    """A request with one user message."""
    return ChatRequest(messages=(ChatMessage(role="user", content=text),), model=model, **more)


async def ask(provider: Provider, model: str | None = None, **more: Any) -> Heard:
    """Everything that a provider answers to one question."""
    heard = Heard()
    try:
        async for batch in provider.stream(question(model, **more)):
            heard.batches.append(batch)
    except ProviderError as error:
        heard.error = error
    return heard


async def ask_fault(fake: FakeProvider, fault: str, **settings: Any) -> Heard:
    """The answer of the fake provider under one fault."""
    provider = provider_at(fake.url, **settings)
    try:
        return await ask(provider, fault)
    finally:
        await provider.aclose()
