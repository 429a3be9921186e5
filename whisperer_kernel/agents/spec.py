"""What an agent is: as a file describes her, and as the system knows her."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from whisperer_kernel.tools.tool import DESCRIBED_BY_CLIENT, Tool

TAG = "tag:"
MAX_NAME, MAX_ROLE, MAX_DESCRIPTION, MAX_INTRODUCTION = 40, 60, 300, 600
MAX_SUGGESTIONS, MAX_SUGGESTION = 6, 120
MAX_AGENTS = 50

_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_SHORTCUT = re.compile(r"(?:(?:Accel|Alt|Ctrl|Shift) ){1,3}[A-Z0-9]")
_PATTERN = re.compile(r"(?:tag:)?[A-Za-z0-9_.*?-]+")

Mistake = tuple[str, str]
"""The key that is wrong, relative to the agent, and what is wrong about it."""


class ToolRules(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Which tools may be offered. A pattern is a name, a glob over names, or ``tag:<tag>``; ``deny`` wins."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def permit(self, name: str, tags: frozenset[str]) -> bool:
        """Whether a tool with this name and these tags is allowed and not denied."""
        return _any_matches(self.allow, name, tags) and not _any_matches(self.deny, name, tags)


class AgentEntry(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An agent as a file describes her. What is left out keeps the value of the layer below, or its default."""

    id: str
    name: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    prompt: str | UnsetType = UNSET
    small_prompt: str | UnsetType = UNSET
    tools: ToolRules | UnsetType = UNSET
    model: str | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    max_rounds: Annotated[int, msgspec.Meta(ge=1, le=100)] | UnsetType | None = UNSET
    introduction: str | UnsetType = UNSET
    suggestions: tuple[str, ...] | UnsetType = UNSET
    color: str | UnsetType = UNSET
    icon: str | UnsetType = UNSET
    shortcut: str | UnsetType | None = UNSET

    def given(self) -> dict[str, Any]:
        """The fields that the file sets, ``id`` among them."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in fields.items() if value is not UNSET}


class AgentsFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A whole ``agents.yaml``."""

    agents: Annotated[tuple[AgentEntry, ...], msgspec.Meta(max_length=MAX_AGENTS)] = ()
    default: str | None = None


class AgentSpec(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An agent as the system knows her.

    ``instructions`` is the fixed part of the system prompt, read when the agents were loaded; ``small_instructions``
    its wording for very small models, empty where there is none. ``model`` and ``max_rounds`` are None where the
    configuration decides. ``tools`` are the rules of every file that had a say: a tool has to pass them all.
    """

    id: str
    name: str
    instructions: str
    small_instructions: str = ""
    role: str = ""
    description: str = ""
    tools: tuple[ToolRules, ...] = (ToolRules(),)
    model: str | None = None
    parameters: dict[str, Any] = {}
    max_rounds: int | None = None
    introduction: str = ""
    suggestions: tuple[str, ...] = ()
    color: str = "#546e7a"
    icon: str = "💬"
    shortcut: str | None = None

    def may_use(self, name: str, tags: frozenset[str] = frozenset()) -> bool:
        """Whether the tool may be offered to this agent."""
        return all(rules.permit(name, tags) for rules in self.tools)


def mistakes(entry: AgentEntry) -> Iterator[Mistake]:
    """What is wrong with an entry by itself; what types can say, they have said already."""
    for key, value in entry.given().items():
        if (check := _CHECKS.get(key)) is not None and value is not None and (words := check(value)):
            yield key, words
    if entry.tools is not UNSET:
        yield from _bad_patterns("tools.allow", entry.tools.allow)
        yield from _bad_patterns("tools.deny", entry.tools.deny)
    if entry.suggestions is not UNSET:
        for index, text in enumerate(entry.suggestions):
            if words := _line(MAX_SUGGESTION)(text):
                yield f"suggestions[{index}]", words


def idle(pattern: str, tools: Collection[Tool]) -> str:
    """That the pattern matches none of these tools, in words; empty where one matches, or a client may bring one.

    A client describes tools of any name, but of one tag: of a name only what looks like a slip of the pen is told.
    """
    if any(_matches(pattern, tool.name, tool.tags | {DESCRIBED_BY_CLIENT}) for tool in tools):
        return ""
    is_tag = pattern.startswith(TAG)
    known = {f"{TAG}{tag}" for tool in tools for tag in tool.tags} if is_tag else {tool.name for tool in tools}
    meant = get_close_matches(pattern, sorted(known), 1, 0.8)
    words = f"{pattern} matches no tool"
    return f"{words}; is {meant[0]} meant?" if meant else words if is_tag else ""


def _any_matches(patterns: tuple[str, ...], name: str, tags: frozenset[str]) -> bool:
    return any(_matches(pattern, name, tags) for pattern in patterns)


def _matches(pattern: str, name: str, tags: frozenset[str]) -> bool:
    if pattern.startswith(TAG):
        return any(fnmatchcase(tag, pattern.removeprefix(TAG)) for tag in tags)
    return fnmatchcase(name, pattern)


def _bad_patterns(key: str, patterns: tuple[str, ...]) -> Iterator[Mistake]:
    for index, pattern in enumerate(patterns):
        if not _PATTERN.fullmatch(pattern):
            yield f"{key}[{index}]", f"`{pattern}` is no tool name, glob or tag:<tag>"


def _shape(pattern: re.Pattern[str], words: str) -> Callable[[str], str]:
    return lambda value: "" if pattern.fullmatch(value) else f"`{value}` {words}"


def _line(longest: int) -> Callable[[str], str]:
    """One line that shows what it says: invisible characters could make one agent look like another."""

    def check(value: str) -> str:
        if value.strip() != value or not value:
            return "is empty, or begins or ends with a space"
        if len(value) > longest:
            return f"longer than {longest} characters"
        return "" if value.isprintable() else "holds line breaks or invisible characters"

    return check


def _icon(value: str) -> str:
    longest = 8
    joiner = "\u200d"
    fine = 0 < len(value) <= longest and all(
        char == joiner or (char.isprintable() and char not in " <>&\"'") for char in value
    )
    return "" if fine else f"must be one symbol, at most {longest} characters and no markup"


_CHECKS: dict[str, Callable[[Any], str]] = {
    "id": _shape(
        _ID, "must be lower-case letters, digits, _ and -, begin with a letter and have at most 32 characters"
    ),
    "name": _line(MAX_NAME),
    "role": _line(MAX_ROLE),
    "description": _line(MAX_DESCRIPTION),
    "model": _line(200),
    "introduction": lambda value: (
        "" if len(value) <= MAX_INTRODUCTION else f"longer than {MAX_INTRODUCTION} characters"
    ),
    "suggestions": lambda value: "" if len(value) <= MAX_SUGGESTIONS else f"more than {MAX_SUGGESTIONS}",
    "color": _shape(_COLOR, "is no color like #1565c0"),
    "icon": _icon,
    "shortcut": _shape(_SHORTCUT, "is no shortcut like Alt Shift A"),
}
