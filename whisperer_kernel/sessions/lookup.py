"""What a message brings along is looked up when its turn runs: cells and variables at a client, files here."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from whisperer_kernel.agents.attachments import Attachments, Piece, assembled, labelled
from whisperer_kernel.tools.call import ToolResult

MAX_ITEMS = 20
MARK_BYTES = 6

Look = Callable[[str, dict[str, Any]], Awaitable[ToolResult]]
"""Carry out a tool, by its name and arguments; whatever goes wrong is a result."""


async def look_up(items: Sequence[dict[str, Any]], look: Look, budget: int) -> Attachments:
    """Context items of PROTOCOL.md, within ``budget`` tokens; what could not be read is named."""
    pieces = list(await asyncio.gather(*(_piece(item, look) for item in items[:MAX_ITEMS])))
    pieces += [
        Piece(label=labelled(item), problem=f"left out, {MAX_ITEMS} items are the most") for item in items[MAX_ITEMS:]
    ]
    return assembled(pieces, budget, secrets.token_hex(MARK_BYTES))


async def _piece(item: dict[str, Any], look: Look) -> Piece:
    label = labelled(item)
    match item:
        case {"type": "cell", "cellId": cell_id}:
            result = await look("read_cells", {"cell_ids": [cell_id]})
        case {"type": "variable", "name": name}:
            result = await look("inspect_variable", {"name": name})
        case {"type": "file", "path": path}:
            result = await look("read_file", {"path": path})
        case _:
            return Piece(label=label, content=str(item.get("text", "")))
    if result.is_error:
        return Piece(label=label, problem=f"could not be read: {result.content}")
    return Piece(label=label, content=result.content)
