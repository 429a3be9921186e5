"""The tools there are, and how packages add theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.metadata import entry_points

from whisperer_kernel.tools.tool import Tool

ENTRY_POINTS = "whisperer.tools"

log = logging.getLogger(__name__)


class ToolRegistry:
    """Tools by name."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.register(tool)

    @classmethod
    def load(cls) -> ToolRegistry:
        """Every tool that an installed package offers under the entry point ``whisperer.tools``, our own among them.

        An entry point names a function that is given the registry. One that fails is left out and logged: a broken
        package must not take the others' tools away.
        """
        registry = cls()
        for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
            try:
                point.load()(registry)
            except Exception:
                log.exception("the tools of %s (%s) could not be registered", point.name, point.value)
        return registry

    def register(self, tool: Tool) -> None:
        """Add a tool. A name that is taken is a ``ValueError``."""
        if tool.name in self._tools:
            raise ValueError(f"a tool named {tool.name} is registered already")
        self._tools[tool.name] = tool

    def get(self, name: str) -> Tool | None:
        """The tool of this name."""
        return self._tools.get(name)

    def all(self) -> list[Tool]:
        """Every tool."""
        return list(self._tools.values())
