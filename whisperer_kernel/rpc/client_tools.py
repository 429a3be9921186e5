"""Which tools a client carries out, as it declares them: by the names of tools known here, or described."""

from __future__ import annotations

from collections.abc import Sequence

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.rpc.params import ClientTool
from whisperer_kernel.tools.call import ToolSchema
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tool import Tool


def client_tools(known: ToolRegistry, declared: Sequence[str | ClientTool]) -> list[Tool]:
    """The tools that a client declares. Raises ``InvalidParams``."""
    return [_described(tool) if isinstance(tool, ClientTool) else _named(known, tool) for tool in declared]


def _named(known: ToolRegistry, name: str) -> Tool:
    tool = known.get(name)
    if tool is None or tool.run is not None:
        raise InvalidParams(f"clientTools: no client tool is known by the name {name}")
    return tool


def _described(tool: ClientTool) -> Tool:
    """A client's own tool. What it does nobody here knows: it is treated as the most that a tool can do."""
    schema = ToolSchema(name=tool.name, description=tool.description, parameters=tool.input_schema)
    return Tool(schema=schema, effect="run", tags=frozenset({"client"}))
