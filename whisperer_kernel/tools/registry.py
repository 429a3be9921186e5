"""The tools there are. Every call goes prepare → execute → finalize; whatever goes wrong is a result for the model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from whisperer_kernel.tools.call import ToolRequest, ToolResult, ToolSchema

Execute = Callable[[dict[str, Any]], Awaitable[str]]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool: how the model sees it, what it is tagged with, and what it does with checked arguments."""

    schema: ToolSchema
    execute: Execute
    tags: frozenset[str] = frozenset()


class ToolRegistry:
    """Tools by name."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def register(self, tool: Tool) -> None:
        """Add a tool. A name that is taken is a ``ValueError``."""
        if tool.schema.name in self._tools:
            raise ValueError(f"a tool named {tool.schema.name} is registered already")
        self._tools[tool.schema.name] = tool

    def names(self) -> frozenset[str]:
        """The names of all tools."""
        return frozenset(self._tools)

    def offered(self, allowed: Callable[[str, frozenset[str]], bool]) -> tuple[ToolSchema, ...]:
        """The schemas of the tools for which ``allowed(name, tags)`` holds."""
        return tuple(tool.schema for tool in self._tools.values() if allowed(tool.schema.name, tool.tags))

    def prepare(self, request: ToolRequest) -> tuple[Tool, dict[str, Any]] | ToolResult:
        """Look the tool up and read its arguments; a ``ToolResult`` says why it cannot be called."""
        tool = self._tools.get(request.name)
        if tool is None:
            return ToolResult(content=f"There is no tool named {request.name}.", is_error=True)
        try:
            return tool, msgspec.json.decode(request.arguments or "{}", type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            return ToolResult(content=f"The arguments are not a JSON object: {error}", is_error=True)

    async def execute(self, tool: Tool, arguments: dict[str, Any]) -> ToolResult:
        """Run a prepared call. Whatever it raises becomes a result that names the kind of failure."""
        try:
            return ToolResult(content=await tool.execute(arguments))
        except Exception as error:  # noqa: BLE001 - a tool's failure is the model's to read, not the turn's end
            return ToolResult(content=f"{type(error).__name__}: {error}", is_error=True)
