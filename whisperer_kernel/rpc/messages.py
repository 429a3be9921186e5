"""JSON-RPC 2.0 as text: reading requests, writing responses. Pure functions, no I/O."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import without_surrogates

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
MAX_BATCH = 100

# Half of a pair, as browsers write a text that was cut inside an emoji. Pairs and other escapes are found to be kept.
_LONE_SURROGATE = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?!u[dD][89a-fA-F]).)"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)

RequestId = str | int | float | None


class Absent:
    """The id of a notification: there is none, which is not the same as null."""


ABSENT = Absent()


class Request(msgspec.Struct, frozen=True):
    """A well-formed request. ``id`` is ``ABSENT`` for a notification, which gets no response."""

    id: RequestId | Absent
    method: str
    params: dict[str, Any] | list[Any]


class Malformed(msgspec.Struct, frozen=True):
    """Something that is not a request, and the response it gets."""

    response: dict[str, Any]


def read(text: str) -> list[Request | Malformed] | Request | Malformed:
    """What a frame holds: one request, or a batch as a list.

    >>> read("{").response["error"]["code"]
    -32700
    """
    try:
        message = _decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError, UnicodeError):
        return Malformed(error_response(None, PARSE_ERROR, "Parse error"))
    if not isinstance(message, list):
        return _request(message)
    if not message:
        return Malformed(error_response(None, INVALID_REQUEST, "Invalid Request: an empty batch"))
    if len(message) > MAX_BATCH:
        return Malformed(error_response(None, INVALID_REQUEST, f"Invalid Request: a batch of more than {MAX_BATCH}"))
    return [_request(item) for item in message]


def _decode(text: str) -> Any:
    """The JSON value; a lone surrogate, which JSON can hold and msgspec cannot read, becomes U+FFFD."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        mended = _LONE_SURROGATE.sub(lambda found: found[1] or r"\ufffd", text)
        if mended == text:
            raise
        return msgspec.json.decode(mended)


def _request(message: Any) -> Request | Malformed:
    if not isinstance(message, dict):
        return Malformed(error_response(None, INVALID_REQUEST, "Invalid Request"))
    request_id = message.get("id", ABSENT)
    if isinstance(request_id, bool) or not isinstance(request_id, str | int | float | None | Absent):
        return Malformed(error_response(None, INVALID_REQUEST, "Invalid Request: id"))
    well_formed = (
        message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params") or {}, dict | list)
    )
    if not well_formed:
        known = None if isinstance(request_id, Absent) else request_id
        return Malformed(error_response(known, INVALID_REQUEST, "Invalid Request"))
    return Request(request_id, message["method"], message.get("params") or {})


def result_response(request_id: RequestId, result: Any) -> dict[str, Any]:
    """A response that holds a result."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_response(
    request_id: RequestId, code: int, message: str, data: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A response that holds an error."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def whisperer_error(request_id: RequestId, error: WhispererError) -> dict[str, Any]:
    """The response for an error of ours: its code, its words, its data and nothing else."""
    return error_response(request_id, error.code, str(error), error.data)


def write(message: dict[str, Any] | list[dict[str, Any]]) -> str:
    """The frame for a response or a batch; what JSON text cannot carry (a lone surrogate) is replaced."""
    try:
        return msgspec.json.encode(message).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(without_surrogates(msgspec.to_builtins(message))).decode()
