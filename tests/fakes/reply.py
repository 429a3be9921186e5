"""What the fake provider answers: a head and a list of steps."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

EVENT_STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
DONE = b"data: [DONE]\n\n"


class Act(enum.Enum):
    """A step that ends the connection, or never ends. CUT closes it without the framing's end."""

    HANG = "hang"
    RESET = "reset"
    CUT = "cut"


class Gate:
    """A step that waits until it is opened, from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open = asyncio.Event()

    def open(self) -> None:
        """Let the reply go on."""
        self._loop.call_soon_threadsafe(self._open.set)

    async def wait(self) -> None:
        """Wait until it is open."""
        await self._open.wait()


Step: TypeAlias = bytes | float | dict[str, Any] | Act | Gate
"""Bytes are sent in one write as they are, a dict as one SSE event, a number is a pause in seconds."""


@dataclass(frozen=True)
class Reply:
    """A reply.

    ``framing``: ``chunked`` (each step one chunk, a proper end), ``close`` (the end of the connection is the end),
    ``length`` (steps must be bytes), ``raw`` (no head is written: the steps are all there is).
    """

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: EVENT_STREAM)
    framing: Literal["chunked", "close", "length", "raw"] = "chunked"

    @classmethod
    def of_json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """A plain JSON answer."""
        return cls.of_body(json.dumps(value).encode(), "application/json", status, headers)

    @classmethod
    def of_body(cls, body: bytes, kind: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """A plain answer of any content type."""
        return cls([body], status, {"Content-Type": kind, **(headers or {})}, "length")

    @classmethod
    def error(cls, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
        """An error as OpenAI and OpenRouter word it."""
        return cls.of_json({"error": {"message": message, "code": status, **more}}, status, headers)

    @classmethod
    def answer(cls, *parts: str, reason: str = "stop") -> Reply:
        """A reply that streams ``parts`` and ends well."""
        return cls([*text(*parts), *finish(reason), DONE])

    @classmethod
    def tools(cls, *calls: tuple[str, str, dict[str, Any]]) -> Reply:
        """A reply that asks for tool calls, each ``(id, name, arguments)``."""
        steps = [
            chunk(tool_calls=[tool_fragment(index, id=call_id, name=name, arguments=json.dumps(arguments))])
            for index, (call_id, name, arguments) in enumerate(calls)
        ]
        return cls([*steps, *finish("tool_calls"), DONE])

    def head(self) -> bytes:
        """The status line and the headers."""
        headers = dict(self.headers)
        if self.framing == "chunked":
            headers.setdefault("Transfer-Encoding", "chunked")
        elif self.framing == "length":
            headers.setdefault("Content-Length", str(sum(len(encoded(step)) for step in self.steps)))
        else:
            headers.setdefault("Connection", "close")
        known = {status.value: status.phrase for status in HTTPStatus}
        lines = [f"HTTP/1.1 {self.status} {known.get(self.status, 'Odd')}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def framed(self, data: bytes) -> bytes:
        """``data`` as this reply's framing wants it."""
        return b"%x\r\n%s\r\n" % (len(data), data) if self.framing == "chunked" and data else data


def encoded(step: Step) -> bytes:
    """The bytes of a step that sends any."""
    if isinstance(step, dict):
        return b"data: " + json.dumps(step, ensure_ascii=False).encode("utf-8") + b"\n\n"
    return step if isinstance(step, bytes) else b""


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """One streamed chunk with this delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chat-1", "object": "chat.completion.chunk", "model": "fake-model", "choices": [choice]}


def tool_fragment(index: int, **parts: str) -> dict[str, Any]:
    """A part of a tool call: any of ``id``, ``name``, ``arguments``."""
    fragment: dict[str, Any] = {"index": index, "function": {k: v for k, v in parts.items() if k != "id"}}
    return {**fragment, "id": parts["id"], "type": "function"} if "id" in parts else fragment


def text(*parts: str) -> list[dict[str, Any]]:
    """Chunks of visible text."""
    return [chunk(content=part) for part in parts]


def usage(prompt: int = 7, completion: int = 5, **more: Any) -> dict[str, Any]:
    """The last chunk: empty choices and the usage."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}
    return {"id": "chat-1", "object": "chat.completion.chunk", "choices": [], "usage": counts}


def finish(reason: str = "stop") -> list[dict[str, Any]]:
    """The chunk with the finish reason, and the usage after it."""
    return [chunk(finish_reason=reason), usage()]


def drip(data: bytes, size: int = 1, pause: float = 0.0) -> Iterator[Step]:
    """``data`` in writes of ``size`` bytes."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
        yield pause


def joined(steps: Iterable[Step]) -> bytes:
    """The steps' bytes as one write."""
    return b"".join(encoded(step) for step in steps)


def words(sentence: str) -> list[str]:
    """The words of a sentence, each with the space before it."""
    first, *rest = sentence.split(" ")
    return [first, *(f" {word}" for word in rest)]
