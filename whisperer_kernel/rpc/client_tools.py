"""Which tools a client carries out, as it declares them: by the names of tools known here, or described."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.rpc.params import ClientTool
from whisperer_kernel.tools.call import ToolSchema
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tool import DESCRIBED_BY_CLIENT, READS, Effect, Tool

EVERY_EFFECT: frozenset[Effect] = frozenset({"read", "edit", "run"})


async def client_tools(known: ToolRegistry, declared: Sequence[str | ClientTool], client_id: str) -> list[Tool]:
    """The tools that this client declares. Raises ``InvalidParams``."""
    # Schemas that nobody here wrote may take a moment.
    return await asyncio.to_thread(_tools, known, declared, client_id)


def _tools(known: ToolRegistry, declared: Sequence[str | ClientTool], client_id: str) -> list[Tool]:
    return [
        _described(known, tool, client_id) if isinstance(tool, ClientTool) else _named(known, tool) for tool in declared
    ]


def _named(known: ToolRegistry, name: str) -> Tool:
    tool = known.get(name)
    if tool is None or tool.run is not None:
        raise InvalidParams(f"clientTools: no client tool is known by the name {name}")
    return tool


def _described(known: ToolRegistry, declared: ClientTool, client_id: str) -> Tool:
    """A client's own tool. What it does nobody here knows: it is treated as the most that a tool can do.

    One that bears the name of a known client tool, and takes nothing that this does not take, is that tool: to the gate
    it makes no difference who declared it, but for a yes for the session, which holds for what was asked about.
    """
    from whisperer_kernel.tools.inputschema import InputSchema, UnfitSchema  # noqa: PLC0415 - takes a second to load

    try:
        accepts = InputSchema(declared.input_schema)
    except UnfitSchema as error:
        raise InvalidParams(f"clientTools: the inputSchema of {declared.name} {error}") from error
    hints = declared.annotations
    repeatable = EVERY_EFFECT if hints.read_only_hint or hints.idempotent_hint else READS
    declaration = sha256(client_id.encode() + msgspec.json.encode(declared, order="deterministic")).hexdigest()
    schema = ToolSchema(name=declared.name, description=declared.description, parameters=declared.input_schema)
    same = known.get(declared.name)
    if same is not None and same.run is None and accepts.names <= same.names:
        return msgspec.structs.replace(
            same, schema=schema, accepts=accepts, repeatable=repeatable, declaration=declaration
        )
    return Tool(
        schema=schema,
        accepts=accepts,
        effect="run",
        repeatable=repeatable,
        declaration=declaration,
        tags=frozenset({DESCRIBED_BY_CLIENT}),
    )
