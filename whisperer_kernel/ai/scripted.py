"""A provider that says what it was told to say: for tests, demos and for trying Whisperer out without any model.

With ``provider.name: scripted`` and ``provider.parameters: {script: replies.yaml}`` it reads its replies from a file::

    replies:
      - [{text: "Let me look."}, {tool: read_cell, arguments: {index: 0}}]      # the first request's reply
      - [{reasoning: "Hm."}, {pause: 0.5}, {text: "All is "}, {text: well}, {finish: stop, usage: {promptTokens: 7}}]
      - [{text: "so far"}, {error: rate_limited, message: "Too many requests.", retryAfter: 30}]
      - [{text: "and then the connection broke"}, {cut: true}]                  # a stream that ends without a finish

Each request takes the next reply; one too many is an error. Without a file it repeats the last user message and says
that it is scripted.
With ``tools: false`` beside ``replies`` it stands for a model that cannot call tools.
Every step is yielded as a batch of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from whisperer_kernel.ai.provider import (
    ChatRequest,
    Delta,
    Finish,
    ModelInfo,
    ReasoningDelta,
    TextDelta,
    ToolRequestDelta,
)
from whisperer_kernel.errors import ErrorKind, ProviderError
from whisperer_kernel.events import FinishReason, ProviderInfo, Usage
from whisperer_kernel.tools.call import ToolRequest
from whisperer_kernel.yamlfile import YamlFile

MODEL = "scripted"
CONTEXT_LENGTH = 32_768
LISTED_CHARS = 400


class Step(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One thing a reply does; what is set is done, in the order of these fields. ``pause`` is in seconds.

    ``error`` ends the reply with a ``ProviderError`` of that kind, ``cut`` ends it without a finish. A reply whose last
    step is neither of these ends with ``finish: stop``.
    """

    pause: float = 0.0
    reasoning: str | None = None
    text: str | None = None
    tool: str | None = None
    arguments: dict[str, Any] | str = {}
    tool_id: str | None = None
    error: ErrorKind | None = None
    message: str = "The script says that this fails."
    retry_after: float | None = None
    cut: bool = False
    finish: FinishReason | None = None
    usage: Usage | None = None


Reply = Sequence[Step]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of replies; ``tools``: whether the model that they stand for can call tools."""

    replies: list[list[Step]] = []
    tools: bool = True


class ScriptedProvider:
    """Plays ``replies`` one after the other. ``requests`` holds what it was asked; ``script`` appends more replies.

    ``source`` names where they come from: one request more than there are replies is then an error.
    """

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        context_length: int | None = CONTEXT_LENGTH,
        supports_tools: bool = True,
        source: str = "",
    ) -> None:
        self.requests: list[ChatRequest] = []
        self.supports_tools = supports_tools
        self._replies: deque[Reply] = deque(replies)
        self._context_length = context_length
        self._source = source
        self._calls = 0

    @classmethod
    def from_file(cls, path: Path) -> ScriptedProvider:
        """One whose replies stand in a YAML file. Raises ``ConfigError`` that names file, line and key."""
        script = YamlFile(path).convert(Script)
        return cls(script.replies, supports_tools=script.tools, source=path.name if script.replies else "")

    @property
    def info(self) -> ProviderInfo:
        """Who this is; marked as a demo, since no model answers."""
        return ProviderInfo(name="scripted", label="Scripted replies", model=MODEL, demo=True)

    def script(self, *replies: Reply) -> None:
        """Play these after the ones that are waiting."""
        self._replies.extend(replies)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Sequence[Delta], None]:
        """Play the next reply. Raises ``ProviderError`` where a file has no more."""
        self.requests.append(request)
        reply = self._replies.popleft() if self._replies else self._unscripted(request)
        for step in reply:
            # Also for a pause of none: a reply gives way to others between its steps, as one over a network does.
            await asyncio.sleep(step.pause)
            if batch := self._deltas(step):
                yield batch
            if step.error is not None:
                raise ProviderError(step.error, step.message, retry_after=step.retry_after)
            if step.cut or step.finish is not None:
                return
        yield [Finish()]

    async def models(self) -> Sequence[ModelInfo]:
        """The one model there is."""
        return [ModelInfo(id=MODEL, name="Scripted replies", context_length=self._context_length)]

    async def check(self) -> str:
        """It always does."""
        return "Scripted replies are ready."

    async def context_length(self, model: str | None) -> int | None:  # noqa: ARG002 - every model is the same script
        """As given at the start."""
        return self._context_length

    async def aclose(self) -> None:
        """Nothing is held."""

    def _unscripted(self, request: ChatRequest) -> Reply:
        if not self._source:
            return _echo(request)
        number = len(self.requests)
        replies = "1 reply" if number == 2 else f"{number - 1} replies"  # noqa: PLR2004 - one before the second
        raise ProviderError("bad_request", f"{self._source} has {replies}; this is request {number}.")

    def _deltas(self, step: Step) -> list[Delta]:
        batch: list[Delta] = []
        if step.reasoning is not None:
            batch.append(ReasoningDelta(step.reasoning))
        if step.text is not None:
            batch.append(TextDelta(step.text))
        if step.tool is not None:
            batch.append(ToolRequestDelta(self._request(step, step.tool)))
        if step.finish is not None:
            batch.append(Finish(reason=step.finish, usage=step.usage))
        return batch

    def _request(self, step: Step, name: str) -> ToolRequest:
        self._calls += 1
        arguments = step.arguments if isinstance(step.arguments, str) else json.dumps(step.arguments)
        return ToolRequest(id=step.tool_id or f"scripted_{self._calls}", name=name, arguments=arguments)


def _echo(request: ChatRequest) -> Reply:
    """What is said without a script, word by word, with a usage that is the number of words."""
    asked = [message.content for message in request.messages if message.role == "user"]
    heard = " ".join(asked[-1].split())[:LISTED_CHARS] if asked else "nothing"
    words = f"Hello! I am a scripted reply, no model is at work. You said: {heard}".split(" ")
    counted = sum(len(message.content.split()) for message in request.messages)
    steps = [Step(text=word if number == 0 else f" {word}") for number, word in enumerate(words)]
    return [*steps, Step(finish="stop", usage=Usage(prompt_tokens=counted, completion_tokens=len(words)))]
