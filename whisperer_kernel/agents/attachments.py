"""What was sent along with a message, as text for the model: data between marks that the data cannot write itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from whisperer_kernel.agents.history import cut, longest_allowed
from whisperer_kernel.agents.tokens import estimate

_NO_MARKS = str.maketrans("<>", "  ")

LABEL_CHARS = 200
PROBLEM_CHARS = 300
LEAST_TOKENS = 40
"""Below this a piece says nothing, and is left out as a whole."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One context item: what it is called, and its content or why there is none."""

    label: str
    content: str = ""
    problem: str | None = None


class Attachments(msgspec.Struct, frozen=True):
    """The text for the model, and in words what of it is missing."""

    text: str
    problems: list[str]


def labelled(item: dict[str, Any]) -> str:
    """What a context item of PROTOCOL.md is called, on one line.

    >>> labelled({"type": "cell", "cellId": "a1"})
    'cell a1'
    """
    name = item.get("cellId") or item.get("name") or item.get("path") or ""
    return " ".join(f"{item['type']} {name}".translate(_NO_MARKS).split())[:LABEL_CHARS]


def attached(items: Sequence[dict[str, Any]]) -> str:
    """What stands for context items as long as nobody has looked them up."""
    return "\n".join(f"[{labelled(item)}: not looked up]" for item in items)


def assembled(pieces: Sequence[Piece], budget: int, mark: str) -> Attachments:
    """Pieces within ``budget`` tokens, each between its marks.

    Args:
        pieces: In the order in which they were sent.
        budget: Tokens for all of them; where they are more, the longest lose their middle, or go.
        mark: What nobody could know beforehand who wrote the content, so that no content can end itself.
    """
    bound = longest_allowed([estimate(piece.content) for piece in pieces], budget)
    texts: list[str] = []
    problems: list[str] = []
    for piece in pieces:
        content, problem = _bounded(piece, bound)
        if content:
            texts.append(_between(piece.label, content, mark))
        if problem is not None:
            problems.append(f"{piece.label}: {problem}")
    if problems:
        texts.append(_between("what is missing", "\n".join(problems), mark))
    return Attachments("\n\n".join(texts), problems)


def _bounded(piece: Piece, bound: int) -> tuple[str, str | None]:
    if piece.problem is not None:
        return "", " ".join(piece.problem.split())[:PROBLEM_CHARS]
    tokens = estimate(piece.content)
    if tokens <= bound:
        return piece.content, None
    if bound < LEAST_TOKENS:
        return "", f"left out, there is no room for its about {tokens:,} tokens"
    return cut(piece.content, bound), f"shortened, about {bound:,} of {tokens:,} tokens had room"


def _between(label: str, content: str, mark: str) -> str:
    return f"<<{label} | data {mark}>>\n{content.replace(mark, '')}\n<<end of data {mark}>>"
