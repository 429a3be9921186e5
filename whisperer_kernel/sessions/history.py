"""What a session's history holds: messages as they are shown, and those that have no answer yet."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from whisperer_kernel.events import FinishReason, TurnError, Usage, UserMessage

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
