"""A question for a yes, in plain words, to the person at a cell or terminal; or to a function that answers for her."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, get_args

import msgspec

from whisperer_kernel.events import PermissionDecision
from whisperer_kernel.notebook.console import Console, interruptible

MAX_CHARS = 200_000
"""What is longer is not shown, and so not allowed here."""

PROMPTS = ("Allow it? [o]nce, for this [s]ession, [n]o: ", "Please answer o, s or n: ")
PROMPTS_ONCE = ("Allow it? [o]nce, [n]o: ", "Please answer o or n: ")
BY_ID = frozenset({"run_cells"})
"""Tools that name cells whose code only the page knows."""

_DECISIONS: dict[str, PermissionDecision] = {
    **dict.fromkeys(("o", "once"), "allow_once"),
    **dict.fromkeys(("s", "session"), "allow_session"),
    **dict.fromkeys(("n", "no"), "deny"),
}


class PermissionQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """May an agent use a tool?

    ``agent`` is her id, ``tool`` its name, ``preview`` what will happen, where the tool can say. A model wrote the
    arguments: whatever they say is no reason for a yes. ``once``: a yes is for this call alone, whatever is answered.
    """

    agent: str
    tool: str
    arguments: dict[str, Any]
    preview: str | None = None
    once: bool = False


Permit = Callable[[PermissionQuestion], PermissionDecision | Awaitable[PermissionDecision]]
"""Answers instead of a person: ``"allow_once"``, ``"allow_session"`` or ``"deny"``."""


def is_decision(value: object) -> bool:
    """Whether this is one of the three answers there are."""
    return isinstance(value, str) and value in get_args(PermissionDecision)


def ask(question: PermissionQuestion, console: Console, over: Future[str]) -> PermissionDecision | None:
    """What the person decides; None where it is settled meanwhile. No answer and nonsense, twice, are a no."""
    with interruptible():
        if (why := _unshown(question)) is not None:
            console.say(why)
            return "deny"
        console.say(in_words(question))
        for prompt in PROMPTS_ONCE if question.once else PROMPTS:
            try:
                line = console.read(prompt, over)
            except (KeyboardInterrupt, EOFError):
                line = ""
            if line is None:
                console.say(over.result())
                return None
            if (decision := _DECISIONS.get(line.strip().lower())) is not None:
                return decision
        console.say("That is taken for a no.")
        return "deny"


def in_words(question: PermissionQuestion) -> str:
    """Who asks for what, and what will happen."""
    body = "\n".join(f"    {line}" for line in visible(_shown(question)).split("\n"))
    return f"{question.agent.capitalize()} asks to use {question.tool}:\n\n{body}\n"


def visible(text: str) -> str:
    r"""Text that shows all it holds: what would steer a terminal, or turn or hide letters, stands as an escape.

    >>> visible("safe\x1b[2K\u202e")
    'safe\\x1b[2K\\u202e'
    """
    return "".join(character if _is_plain(character) else ascii(character)[1:-1] for character in text)


def _is_plain(character: str) -> bool:
    return character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _shown(question: PermissionQuestion) -> str:
    return question.preview or msgspec.json.format(msgspec.json.encode(question.arguments)).decode()


def _unshown(question: PermissionQuestion) -> str | None:
    """Why it cannot be allowed here: a yes is to what was seen, and to all of it. None where it can."""
    wish = f"{question.agent.capitalize()} asks to use {question.tool}"
    if question.tool in BY_ID:
        return f"{wish}. Their code is seen in the chat alone; ask her there. Here it is taken for a no."
    if len(_shown(question)) > MAX_CHARS:
        return f"{wish}, with more than can be shown here; ask her in the chat. Here it is taken for a no."
    return None
