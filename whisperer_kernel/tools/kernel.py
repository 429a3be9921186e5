"""Tools that look into the kernel. They are carried out there, on a thread of ours, also while a cell runs."""

from __future__ import annotations

from typing import Annotated

import msgspec

from whisperer_kernel.tools.tool import CarriedOutByClient, ToolContext, tool

IN_KERNEL = frozenset({"kernel", "verification"})
"""The tags of tools that the kernel's own client carries out."""

Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, description="A variable's name; attributes after dots are allowed.")
]


@tool(effect="read", tags={"kernel"}, executor="client")
async def list_variables(context: ToolContext) -> str:
    """List the person's variables: name, type, shape, dtype, columns, size; functions with their signatures."""
    raise CarriedOutByClient


@tool(effect="read", tags={"kernel"}, executor="client")
async def inspect_variable(context: ToolContext, name: Name) -> str:
    """Look into one variable: its type, its shape, and a bounded piece of its value."""
    raise CarriedOutByClient


@tool(effect="read", tags={"kernel"}, executor="client")
async def source_of(context: ToolContext, name: Name) -> str:
    """Read the source and the docstring of a function or class that is defined in the kernel."""
    raise CarriedOutByClient


@tool(effect="read", tags={"kernel"}, executor="client")
async def last_error(context: ToolContext) -> str:
    """Read the last error: its type, its message, and the traceback with the lines of the cell it arose in."""
    raise CarriedOutByClient


TOOLS = (list_variables, inspect_variable, source_of, last_error)
