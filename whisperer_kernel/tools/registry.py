"""The tools there are, and how packages add theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from whisperer_kernel.tools.signature import UnfitFunction
from whisperer_kernel.tools.tool import Tool

ENTRY_POINTS = "whisperer.tools"
OURS = "whisperer_kernel"

log = logging.getLogger(__name__)


class ToolRegistry:
    """Tools by name. ``problems``: what packages could not bring, and why, one sentence each."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self.problems: list[str] = []
        self._tools: dict[str, Tool] = {}
        self._bringers: dict[str, str] = {}
        self._loading: str | None = None
        for tool in tools:
            self.register(tool)

    @classmethod
    def load(cls) -> ToolRegistry:
        """Every tool that an installed package offers under the entry point ``whisperer.tools``, our own among them.

        An entry point names a function that is given the registry. One that fails is left out and logged: a broken
        package must not take the others' tools away. Nor can it take a name of ours, which come first.
        """
        registry = cls()
        for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (_package(point) != OURS, point.name)):
            registry._bring(point)
        return registry

    def register(self, tool: Tool) -> None:
        """Add a tool.

        A name that is taken is a ``ValueError``; of a package that is being loaded only this one tool is left out then.
        """
        if tool.name not in self._tools:
            self._tools[tool.name] = tool
            self._bringers[tool.name] = self._loading or OURS
        elif self._loading is None:
            raise ValueError(f"a tool named {tool.name} is registered already")
        else:
            self._refuse(tool.name, self._loading)

    def get(self, name: str) -> Tool | None:
        """The tool of this name."""
        return self._tools.get(name)

    def all(self) -> list[Tool]:
        """Every tool."""
        return list(self._tools.values())

    def _bring(self, point: EntryPoint) -> None:
        self._loading = _package(point)
        try:
            point.load()(self)
        except Exception as error:
            log.exception("the tools of %s (%s) could not be registered", point.name, point.value)
            self.problems.append(f"{self._loading}: its tools could not be registered: {_reason(error)}")
        finally:
            self._loading = None

    def _refuse(self, name: str, package: str) -> None:
        bringer = self._bringers[name]
        whose = "one of Whisperer's own tools" if bringer == OURS else f"a tool that {bringer} brings"
        self.problems.append(f"{package}: {name} is the name of {whose}; choose another.")
        log.warning("%s", self.problems[-1])


def _package(point: EntryPoint) -> str:
    return point.module.partition(".")[0]


def _reason(error: Exception) -> str:
    """Why, for a page that others read too: what another's error says may be a value, or a key."""
    is_safe = isinstance(error, ImportError | UnfitFunction)
    return str(error) if is_safe else f"{type(error).__name__}; the server's log says where."
