"""The built-in tools, registered by the entry point that every other package may use too."""

from __future__ import annotations

from whisperer_kernel.tools import cells, files, kernel, tests
from whisperer_kernel.tools.registry import ToolRegistry


def register(registry: ToolRegistry) -> None:
    """Add every built-in tool."""
    for tool in (*cells.TOOLS, *kernel.TOOLS, *files.TOOLS, *tests.TOOLS):
        registry.register(tool)
