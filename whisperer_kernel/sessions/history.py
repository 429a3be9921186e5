"""What a session's history holds: messages as they are shown, and those that have no answer yet."""

from __future__ import annotations

from typing import Any, Literal, Self

import msgspec

from whisperer_kernel.events import AIMessageChunk, FinishReason, ToolCall, TurnError, Usage, UserMessage

TITLE_CHARS = 80


class HistoryMessage(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A message as ``session.history`` and snapshots show it. A reply without ``finish_reason`` is still running.

    ``tool_calls`` of a reply are the calls its model made: ``toolCallId``, ``toolName``, ``arguments`` and ``status``.
    """

    message_id: str
    role: Literal["user", "assistant", "tool"]
    agent: str
    # Always there, also where it is empty.
    content: str = msgspec.field(default_factory=str)
    ts: str
    finish_reason: FinishReason | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    usage: Usage | None = None
    error: TurnError | None = None
    dropped: int = 0
    truncated: bool = False
    context: list[dict[str, Any]] | None = None
    client_message_id: str | None = None

    @classmethod
    def asked(cls, user: UserMessage, ts: str) -> Self:
        """What a person has asked."""
        return cls(
            message_id=user.message_id,
            role="user",
            agent=user.agent,
            content=user.message,
            ts=ts,
            context=user.context,
            client_message_id=user.client_message_id,
        )

    @classmethod
    def answered(cls, end: AIMessageChunk, ts: str, turn: OpenTurn | None) -> Self:
        """A reply that is over: the turn's, or where there is none what an agent says of herself."""
        return cls(
            message_id=end.message_id,
            role="assistant",
            agent=end.agent,
            content=end.chunk if turn is None else turn.text,
            ts=(turn and turn.started) or ts,
            finish_reason=end.finish_reason,
            tool_calls=(turn and turn.calls) or None,
            usage=end.usage,
            error=end.error,
            dropped=end.dropped,
            truncated=end.truncated,
        )

    @classmethod
    def returned(cls, call: ToolCall, result: str, ts: str) -> Self:
        """What came of a call that a model made."""
        return cls(
            message_id=call.message_id,
            role="tool",
            agent=call.agent,
            content=result,
            ts=ts,
            tool_call_id=call.tool_call_id,
        )


class OpenTurn(msgspec.Struct, kw_only=True):
    """A message that has no final event yet: queued, running, or cut off by a crash."""

    user: UserMessage
    ts: str
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    # How many messages came before it and had no answer yet.
    queued: int = 0
    # Where the text begins that has come since the last tool call.
    told: int = 0
    started: str | None = None

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self.texts)

    @property
    def text_since_tools(self) -> str:
        """What was said since the last tool call."""
        return "".join(self.texts[self.told :])

    def say(self, chunk: str, ts: str) -> None:
        """The reply goes on."""
        self.texts.append(chunk)
        self.started = self.started or ts

    def call(self, call: ToolCall) -> None:
        """A call that the model made is over."""
        self.told = len(self.texts)
        self.calls.append(
            {
                "toolCallId": call.tool_call_id,
                "toolName": call.tool_name,
                "arguments": call.arguments,
                "status": call.status,
            }
        )

    def so_far(self) -> HistoryMessage | None:
        """The reply as it is now; None before it begins."""
        if not self.started:
            return None
        return HistoryMessage(
            message_id=self.user.message_id,
            role="assistant",
            agent=self.user.agent,
            content=self.text,
            ts=self.started,
            tool_calls=self.calls or None,
        )


class Submitted(msgspec.Struct, frozen=True):
    """A message was taken: ``queued`` messages come before it."""

    message_id: str
    queued: int


def title_of(message: str) -> str:
    r"""A session's title: the first line of its first message, cut at a word.

    >>> title_of("  How does this work?\\nIn detail")
    'How does this work?'
    """
    line = next((line.strip() for line in message.splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_CHARS else line[:TITLE_CHARS].rsplit(" ", 1)[0] + "…"
