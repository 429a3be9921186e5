"""Make a conversation fit into a model's context: a pure function of messages and a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NoReturn

import msgspec

from whisperer_kernel.agents.tokens import MESSAGE_OVERHEAD, cost, estimate
from whisperer_kernel.ai.provider import ChatMessage
from whisperer_kernel.ai.shorter import arguments_without_middle, without_middle
from whisperer_kernel.errors import ProviderError

DEFAULT_CONTEXT = 32_768
"""Tokens that a model is taken to hold where nobody says."""
DEFAULT_RESERVE = 4_096
"""Tokens kept free for the reply where ``max_tokens`` does not say."""
SHORTEST = 32
"""Tokens below which a text is not cut: what is left would say nothing."""
NOTHING = 4
"""Tokens that say that a text was left out."""

# When turns must go, this part of the room is freed at once: were it done turn by turn, every request would begin
# differently and no prefix cache would ever hit.
_SLACK = 4


class Trimmed(msgspec.Struct, frozen=True):
    """Messages that fit. ``dropped`` older ones were left out; ``truncated``: the newest turn was cut as well."""

    messages: tuple[ChatMessage, ...]
    dropped: int = 0
    truncated: bool = False


def request_budget(context_length: int | None, limit: int, max_tokens: int | None = None) -> int:
    """Tokens that a request's messages and tools may take.

    Args:
        context_length: What the model's context holds, prompt and reply together; None where nobody says.
        limit: ``limits.history_tokens``.
        max_tokens: The longest reply asked for; it is kept free, though never more than half of the context.
    """
    length = context_length or DEFAULT_CONTEXT
    return min(length - min(max_tokens or DEFAULT_RESERVE, length // 2 if max_tokens else length // 4), limit)


def trim(system: str, messages: Sequence[ChatMessage], budget: int, costs: Sequence[int] | None = None) -> Trimmed:
    """The system prompt and as much of the newest conversation as fits ``budget`` tokens.

    Turns go whole, oldest first, so that a tool's result stays with its call and the first message is the user's; what
    went is said at the end of the system prompt. The newest turn stays; where it alone is too long, its longest texts
    and its longest calls lose their middle, and where that is not enough its oldest rounds go too: a tool's result is
    never the end of a turn.

    Args:
        system: The system prompt.
        messages: Oldest first, no system message among them; the newest turn begins with the last user message.
        budget: In tokens, by ``tokens.cost``.
        costs: Of each message, where they are known already.

    Raises:
        ProviderError: Of kind ``context_length``: not even the shortened newest message and its last round fit.
    """
    costs = [cost(message) for message in messages] if costs is None else costs
    before = [0, *accumulate(costs)]
    room = budget - estimate(system) - MESSAGE_OVERHEAD
    starts = [index for index, message in enumerate(messages) if message.role == "user"] or [len(messages)]
    if before[-1] <= room and not starts[0]:
        return _trimmed(system, messages, 0)
    room -= estimate(_marker(len(messages)))
    start = _first_kept(starts, before, room)
    newest = [*messages[start:]]
    if before[-1] - before[start] <= room:
        return _trimmed(system, newest, start)
    kept = _shortened(newest, costs[start:], room)
    return _trimmed(system, kept, len(messages) - len(kept), truncated=True)


def cut(text: str, tokens: int) -> str:
    """``text`` within ``tokens`` tokens; where it is longer its middle is left out, and that is said."""
    return _cut(text, tokens, without_middle, "[…]")


def _cut(text: str, tokens: int, shorter: Callable[[str, int], str], nothing: str) -> str:
    total = estimate(text)
    if total <= tokens:
        return text
    kept = len(text) * tokens // total
    while kept > 0:
        if estimate(found := shorter(text, kept)) <= tokens:
            return found
        kept = kept * 7 // 8
    return nothing


def _trimmed(system: str, messages: Sequence[ChatMessage], dropped: int, *, truncated: bool = False) -> Trimmed:
    content = system + _marker(dropped) if dropped else system
    return Trimmed((ChatMessage(role="system", content=content), *messages), dropped, truncated)


def _marker(dropped: int) -> str:
    return f"\n\n[{dropped} earlier messages were left out]"


def _first_kept(starts: Sequence[int], before: Sequence[int], room: int) -> int:
    """Where the kept part begins: at the first turn that frees the excess, rounded up to a step."""
    excess, step = before[-1] - room, max(room // _SLACK, 1)
    enough = -(-excess // step) * step
    return next((start for start in starts if before[start] >= enough), starts[-1])


def _shortened(messages: Sequence[ChatMessage], costs: Sequence[int], room: int) -> list[ChatMessage]:
    """A turn within ``room``: all of it where its texts can still say something, else without its oldest rounds."""
    sizes = [[estimate(text) for text in _texts(message)] for message in messages]
    around = [whole - sum(texts) for whole, texts in zip(costs, sizes, strict=True)]
    rounds = [index for index, message in enumerate(messages) if message.role == "assistant"] or [len(messages)]
    for start in rounds:
        kept = [*range(len(messages[:1])), *range(start, len(messages))]
        texts = [size for index in kept for size in sizes[index]]
        longest = longest_allowed(texts, room - sum(around[index] for index in kept))
        if longest >= SHORTEST:
            return [_within(messages[index], longest) for index in kept]
    return _bare(messages[0], messages[rounds[-1] :], room) if messages[1:] else _refused()


def _bare(question: ChatMessage, last_round: Sequence[ChatMessage], room: int) -> list[ChatMessage]:
    """The question, and of the last round that its calls were made."""
    bare = [_within(message, NOTHING) for message in last_round]
    left = room - sum(map(cost, bare)) - MESSAGE_OVERHEAD
    return [_within(question, left), *bare] if left >= SHORTEST else _refused()


def _refused() -> NoReturn:
    raise ProviderError("context_length", "The message does not fit into the model's context, not even shortened.")


def _texts(message: ChatMessage) -> list[str]:
    return [message.content, *(call.arguments for call in message.tool_calls)]


def _within(message: ChatMessage, tokens: int) -> ChatMessage:
    """The message with no text longer than ``tokens``."""
    calls = tuple(
        msgspec.structs.replace(call, arguments=_cut(call.arguments, tokens, arguments_without_middle, "{}"))
        for call in message.tool_calls
    )
    return msgspec.structs.replace(message, content=cut(message.content, tokens), tool_calls=calls)


def longest_allowed(sizes: Sequence[int], room: int) -> int:
    """The largest bound that makes ``sizes``, each held to it, add up to no more than ``room``."""
    left = len(sizes)
    for size in sorted(sizes):
        if size * left > room:
            return room // left
        room -= size
        left -= 1
    return max(sizes, default=0)
