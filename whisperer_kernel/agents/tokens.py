"""How many tokens a text is, without anybody's tokenizer: counted so that it is rarely too few."""

from __future__ import annotations

import math
import re

from whisperer_kernel.ai.provider import ChatMessage

MESSAGE_OVERHEAD = 4
"""Tokens that a chat template puts around each message."""

# Pieces that tokenizers seldom cut finer: a space goes with the word after it.
_PIECES = re.compile(rb" ?[A-Z]?[a-z]{1,5}| ?[A-Z]{1,2}|[0-9]|\s{1,4}|[!-/:-@\[-`{-~]|[\x00-\x1f\x7f]")
_HIGH = bytes(range(0x80, 0x100))
_TOKENS_PER_HIGH_BYTE = 0.9


def estimate(text: str) -> int:
    """About how many tokens ``text`` is; takes time in proportion to its length.

    Never more for two texts joined than for the two apart.
    """
    data = text.encode("utf-8", "surrogatepass")
    low = data.translate(None, _HIGH)
    return len(_PIECES.findall(data)) + math.ceil((len(data) - len(low)) * _TOKENS_PER_HIGH_BYTE)


def cost(message: ChatMessage) -> int:
    """About how many tokens a message is, with its tool calls and what a chat template puts around it."""
    calls = sum(estimate(call.name) + estimate(call.arguments) + MESSAGE_OVERHEAD for call in message.tool_calls)
    return estimate(message.content) + calls + MESSAGE_OVERHEAD
