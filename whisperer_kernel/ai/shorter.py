"""Texts without their middle: head and tail say most, and what was left out is said."""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.tools.call import ToolRequest

MOST_ARGUMENTS, MOST_NAME = 8_000, 64
"""Characters of a tool call that a model is sent again: of the arguments that it wrote, and of a tool's name."""


def without_middle(text: str, kept: int) -> str:
    r"""``kept`` characters of ``text``.

    >>> without_middle("abcdefgh", 3)
    'ab\n[… 5 characters left out …]\nh'
    """
    head, tail = (kept + 1) // 2, kept // 2
    return f"{text[:head]}\n[… {len(text) - kept} characters left out …]\n{text[len(text) - tail :]}"


def arguments_without_middle(arguments: str, kept: int) -> str:
    r"""``kept`` characters of a call's arguments, as JSON: providers take nothing else.

    >>> arguments_without_middle('{"a": "bcdefghi"}', 4)
    '{"shortened":"{\\"\\n[… 13 characters left out …]\\n\\"}"}'
    """
    return msgspec.json.encode({"shortened": without_middle(arguments, kept)}).decode()


def repeatable(wish: ToolRequest) -> ToolRequest:
    """A model's wish as it is sent to it again: whole JSON, which providers insist on, and not without end."""
    try:
        msgspec.json.decode(wish.arguments, type=dict[str, Any])
    except (ValueError, RecursionError):
        arguments = "{}"
    else:
        is_long = len(wish.arguments) > MOST_ARGUMENTS
        arguments = arguments_without_middle(wish.arguments, MOST_ARGUMENTS) if is_long else wish.arguments
    return ToolRequest(id=wish.id, name=wish.name[:MOST_NAME], arguments=arguments)
