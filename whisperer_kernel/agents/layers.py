"""One ``agents.yaml``: read it, check it, and lay it over the agents that are known so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from whisperer_kernel.agents.spec import MAX_NAME, AgentEntry, AgentsFile, AgentSpec, idle, mistakes
from whisperer_kernel.errors import ConfigError
from whisperer_kernel.tools.tool import Tool
from whisperer_kernel.yamlfile import YamlFile, read_text

Agents = Mapping[str, AgentSpec]
ReadPrompt = Callable[[str], str]
"""From a prompt's path, as the file has it, to its text. Raises ``ConfigError``."""

MAX_PROMPT_BYTES = 32_768
# What a workspace may say of an agent that is not its own, and of its own: a model decides where prompts are sent and
# what they cost, and another prompt or introduction would speak in the name of an agent whom the user knows.
_NARROWS = {"id", "tools"}
_ADDS = {*AgentEntry.__struct_fields__} - {"model", "parameters"}


class Layer:
    """A file and what it may do. ``trusted`` files may change everything, a workspace's may add and narrow."""

    def __init__(self, path: Path, shared: str, read_prompt: ReadPrompt, *, trusted: bool) -> None:
        self._file = YamlFile(path)
        self._content = self._file.convert(AgentsFile)
        self._shared = shared
        self._read_prompt = read_prompt
        self._trusted = trusted

    def over(self, below: Agents, default: str) -> tuple[dict[str, AgentSpec], str]:
        """The agents with this file laid over those ``below``, and the default agent's id.

        Raises:
            ConfigError: It names file, line and key.
        """
        seen: set[str] = set()
        merged = dict(below)
        for index, entry in enumerate(self._content.agents):
            place = f"agents[{index}]"
            for key, words in [*mistakes(entry), *self._forbidden(entry, entry.id in below)]:
                raise self._file.error(f"{place}.{key}", words)
            if entry.id in seen:
                raise self._file.error(f"{place}.id", f"`{entry.id}` is given twice")
            seen.add(entry.id)
            merged[entry.id] = self._merged(entry, place, below, default)
            self._refuse_clashes(place, merged[entry.id], merged)
        return merged, self._default(merged, default)

    def idle_patterns(self, tools: Collection[Tool]) -> Iterator[str]:
        """What the file allows and none of the tools is, a sentence each, with its place."""
        for index, entry in enumerate(self._content.agents):
            for number, pattern in enumerate(() if entry.tools is msgspec.UNSET else entry.tools.allow):
                if words := idle(pattern, tools):
                    yield str(self._file.error(f"agents[{index}].tools.allow[{number}]", words))

    def _merged(self, entry: AgentEntry, place: str, below: Agents, default: str) -> AgentSpec:
        given = entry.given()
        known = below.get(entry.id)
        if "tools" in given:
            given["tools"] = (given["tools"],)
        if not self._trusted and (ceiling := known or below.get(default)):
            # Further rules only ever take away; an agent that is new may use what the default agent may at most.
            given["tools"] = (*ceiling.tools, *given.get("tools", ()))
        if (prompt := given.pop("prompt", None)) is not None:
            given["instructions"] = f"{self._shared}\n\n{self._text(prompt, f'{place}.prompt')}"
        if (small := given.pop("small_prompt", None)) is not None:
            given["small_instructions"] = self._text(small, f"{place}.small_prompt")
        if known is not None:
            return msgspec.structs.replace(known, **given)
        return self._new(given, place)

    def _new(self, given: dict[str, Any], place: str) -> AgentSpec:
        if "instructions" not in given:
            raise self._file.error(f"{place}.prompt", "is missing: an agent needs a prompt")
        name = given.setdefault("name", given["id"][:MAX_NAME].capitalize())
        given.setdefault("introduction", f"Hello, I am {name}.")
        return AgentSpec(**given)

    def _text(self, prompt: str, key: str) -> str:
        try:
            return self._read_prompt(prompt)
        except ConfigError as error:
            raise self._file.error(key, str(error)) from error

    def _forbidden(self, entry: AgentEntry, known: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001 - private
        if self._trusted:
            return
        for key in sorted(entry.given().keys() - (_NARROWS if known else _ADDS)):
            yield key, f"a workspace may not set this{' for an agent that is not its own' if known else ''}"

    def _refuse_clashes(self, place: str, spec: AgentSpec, agents: Agents) -> None:
        for other in agents.values():
            if other.id == spec.id:
                continue
            if {spec.id, spec.name.casefold()} & {other.id, other.name.casefold()}:
                raise self._file.error(f"{place}.name", f"`{spec.name}` is what {other.id} goes by")
            if spec.shortcut is not None and spec.shortcut == other.shortcut:
                raise self._file.error(f"{place}.shortcut", f"`{spec.shortcut}` is taken by {other.id}")

    def _default(self, merged: Agents, default: str) -> str:
        named = self._content.default
        if named is None:
            return default
        if not self._trusted:
            raise self._file.error("default", "a workspace may not set this")
        if named not in merged:
            raise self._file.error("default", f"no agent `{named}`; there are {', '.join(merged)}")
        return named


def prompt_text(path: Path) -> str:
    """A prompt file's text. Raises ``ConfigError`` where it is no readable file, empty or too long."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    text = read_text(path).strip()
    if not text:
        raise ConfigError(f"{path}: is empty")
    if len(text.encode()) > MAX_PROMPT_BYTES:
        raise ConfigError(f"{path}: longer than {MAX_PROMPT_BYTES} bytes")
    return text
