"""The gate: whether a tool call is carried out, refused, or put to the person. A pure function; no prompt has a say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from whisperer_kernel.events import Mode
from whisperer_kernel.tools.tool import Effect, Tool

Decision = Literal["allow", "ask", "deny"]

# What each mode does with each effect. Plan changes nothing; ask asks; edit lets cells be edited; auto asks nobody.
MODES: dict[Mode, dict[Effect, Decision]] = {
    "plan": {"read": "allow", "edit": "deny", "run": "deny"},
    "ask": {"read": "allow", "edit": "ask", "run": "ask"},
    "edit": {"read": "allow", "edit": "allow", "run": "ask"},
    "auto": {"read": "allow", "edit": "allow", "run": "allow"},
}
ORDER: tuple[Mode, ...] = ("plan", "ask", "edit", "auto")


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever runs the server has decided. Patterns are tool names or globs; ``deny`` goes before ``ask``."""

    deny: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    highest_mode: Mode = "auto"


class Grant(msgspec.Struct, frozen=True):
    """The person's yes for the rest of the session: for this agent, this tool, and these arguments of it.

    ``declaration``: the tool as that client had declared it then (``Tool``); another of its name is another tool.
    """

    agent: str
    tool: str
    arguments: bytes
    declaration: str = ""


def bound(tool: Tool, arguments: dict[str, Any]) -> dict[str, Any]:
    """What of a call's arguments a yes for the session holds for: those the tool names, all where it names none."""
    complete = tool.complete(arguments)
    names = tool.granted_of(complete)
    return complete if names is None else {name: complete.get(name) for name in names}


def grant(agent: str, tool: str, arguments: dict[str, Any], declaration: str = "") -> Grant:
    """A yes for the session to ``bound`` arguments."""
    return Grant(agent, tool, msgspec.json.encode(arguments, order="deterministic"), declaration)


def effective(mode: Mode, policy: Policy) -> Mode:
    """The mode in force: the session's, or the policy's highest where that permits less.

    >>> effective("auto", Policy(highest_mode="ask"))
    'ask'
    """
    return min(mode, policy.highest_mode, key=ORDER.index)


def decide(  # noqa: PLR0913, PLR0917 - the gate looks at exactly this
    tool: Tool,
    arguments: dict[str, Any],
    agent: str,
    mode: Mode,
    policy: Policy,
    grants: Collection[Grant] = (),
    commanded: Collection[Grant] = (),
) -> Decision:
    """Whether the call is carried out.

    The policy's no comes first, then the mode's, then what the person has granted when asked, then the policy's wish to
    ask, then what the message itself commands, then the mode.
    """
    if _named(tool.name, policy.deny):
        return "deny"
    by_mode = MODES[effective(mode, policy)][tool.effect_of(arguments)]
    if by_mode == "deny":
        return "deny"
    wanted = grant(agent, tool.name, bound(tool, arguments), tool.declaration)
    if wanted in grants and tool.is_grantable:
        return "allow"
    if _named(tool.name, policy.ask):
        return "ask"
    return "allow" if wanted in commanded else by_mode


def _named(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
