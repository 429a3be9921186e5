"""Otto's tool: lengths from one unit to another."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tool import ToolContext, ToolFailed, tool

METRES = {"mm": 0.001, "m": 1.0, "km": 1_000.0, "inch": 0.0254, "foot": 0.3048, "mile": 1_609.344}
Unit = Literal["mm", "m", "km", "inch", "foot", "mile"]


@tool(effect="read", tags={"units"})
async def convert_length(
    context: ToolContext,  # noqa: ARG001 - every tool is given it
    value: Annotated[float, Meta(description="The number to convert.")],
    unit: Unit,
    to: Unit,
) -> str:
    """Convert a length."""
    if value < 0:
        raise ToolFailed("A length is not negative.")
    return f"{value * METRES[unit] / METRES[to]:g} {to}"


def register(registry: ToolRegistry) -> None:
    """Add the tool."""
    registry.register(convert_length)
