"""A tool as the model is told of it, its wish to call one, and what came of it."""

from __future__ import annotations

from typing import Any

import msgspec

TOOL_NAME = r"[a-zA-Z0-9_-]{1,64}"
"""What providers take as a tool's name."""


class ToolSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as the model is told of it; ``parameters`` is a JSON schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ToolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A model's wish to call a tool. ``arguments`` is JSON text as the model wrote it, possibly cut or malformed."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the model is told. Denial, failure and nonsense are results too, never exceptions.

    ``is_misused``: the call was not what the tool takes, and another may be. ``is_last``: the tool has failed as often
    as it may in one turn. ``is_denied``: it was not permitted, or what it needed was not.
    """

    content: str
    is_error: bool = False
    is_misused: bool = False
    is_last: bool = False
    is_denied: bool = False
