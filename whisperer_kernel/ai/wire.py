"""The chat-completions API on the wire: the body of a request, and the chunks of a reply as they really come.

Servers differ: a field may be missing, null or of another type. Such a field counts as missing; nothing here raises for
it. What is not JSON at all is a ``ProviderError``.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import msgspec

from whisperer_kernel.ai.provider import ChatMessage, ChatRequest
from whisperer_kernel.ai.surrogates import mended
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import Usage
from whisperer_kernel.tools.call import ToolSchema

Odd: TypeAlias = str | int | float | bool | list[Any] | None
"""What may stand where an object should."""


class Function(msgspec.Struct, gc=False):
    """The function of a tool call's fragment."""

    name: Any = None
    arguments: Any = None


class ToolFragment(msgspec.Struct, gc=False):
    """A piece of a tool call."""

    index: Any = None
    id: Any = None
    function: Function | Odd = None


class Delta(msgspec.Struct, gc=False):
    """What is new in a chunk; where the server did not stream, the whole message."""

    content: Any = None
    refusal: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    tool_calls: list[ToolFragment | Odd] | str | float | bool | dict[str, Any] | None = None


class Choice(msgspec.Struct, gc=False):
    """One of the answers; only one is ever asked for."""

    delta: Delta | Odd = None
    message: Delta | Odd = None
    finish_reason: Any = None


class Chunk(msgspec.Struct, gc=False):
    """One event of a stream, or the whole body of a reply that is none."""

    choices: list[Choice | Odd] | str | float | bool | dict[str, Any] | None = None
    usage: Any = None
    error: Any = None


_LARGEST = 1e15
_decoder: msgspec.json.Decoder[Chunk | Odd] = msgspec.json.Decoder(Chunk | Odd)


def decode_chunk(data: str | bytes) -> Chunk | None:
    """The chunk in ``data``; None where it is JSON of another kind. Raises ``ProviderError`` where it is not JSON."""
    try:
        chunk = _decoder.decode(data)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        chunk = _decode_odd(data)
    return chunk if isinstance(chunk, Chunk) else None


def _decode_odd(data: str | bytes) -> Chunk | Odd:
    """Lone surrogates, NaN and huge numbers, which the strict decoder refuses."""
    try:
        return msgspec.convert(json.loads(data), type=Chunk | Odd)
    except (ValueError, RecursionError):
        raise ProviderError("protocol", "The provider sent something that is not JSON.") from None


def usage_of(value: Any) -> Usage | None:
    """The usage in a chunk, where there is one."""
    if not isinstance(value, dict):
        return None
    details = value.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    cost: Any = value.get("cost")
    return Usage(
        prompt_tokens=_count(value.get("prompt_tokens")),
        completion_tokens=_count(value.get("completion_tokens")),
        cached_tokens=_count(cached),
        cost_usd=float(cost) if _is_number(cost) and cost >= 0 else None,
    )


def _is_number(value: Any) -> bool:
    # The comparison is also false for NaN, and integers past any float are caught by it.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _count(value: Any) -> int:
    return int(value) if _is_number(value) and value > 0 else 0


def encode_request(request: ChatRequest, model: str, defaults: dict[str, Any], extra: dict[str, Any]) -> bytes:
    """The body of a chat request.

    A parameter that is null is left out, so that ``stream_options: null`` serves a server which does not know it.
    """
    body = {
        "stream_options": {"include_usage": True},
        **extra,
        **defaults,
        **request.parameters,
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.response_schema is not None:
        body["response_format"] = _response_format(request.response_schema)
    try:
        return msgspec.json.encode({name: value for name, value in body.items() if value is not None})
    except (TypeError, ValueError, RecursionError):
        raise ProviderError("bad_request", "provider.parameters hold something that cannot be sent as JSON.") from None


def _message(message: ChatMessage) -> dict[str, Any]:
    content = mended(message.content)
    if message.tool_calls:
        return {"role": message.role, "content": content or None, "tool_calls": _calls(message)}
    if message.tool_call_id is not None:
        return {"role": message.role, "content": content, "tool_call_id": message.tool_call_id}
    return {"role": message.role, "content": content}


def _calls(message: ChatMessage) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _sound(call.arguments)}}
        for call in message.tool_calls
    ]


def _sound(arguments: str) -> str:
    """The arguments, or an empty object for malformed ones: some servers refuse the whole history over them."""
    try:
        valid = isinstance(msgspec.json.decode(arguments), dict)
    except (ValueError, RecursionError):
        valid = False
    return arguments if valid else "{}"


def _tool(tool: ToolSchema) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    described = {"name": "answer", "strict": _allows_strict(schema), "schema": schema}
    return {"type": "json_schema", "json_schema": described}


def _allows_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes the schema: every object is closed and requires all it names."""
    if isinstance(schema, list):
        return all(_allows_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    names = schema.get("properties")
    if schema.get("type") == "object" or isinstance(names, dict):
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(names or ()):
            return False
    return all(_allows_strict(value) for value in schema.values())
