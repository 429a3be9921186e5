"""Cells that are executed as a kernel executes them: each under a file name of its own, whose lines can be read."""

from __future__ import annotations

import linecache
from typing import Any
from uuid import uuid4

from whisperer_kernel.verify.sources import Cells


class Notebook:
    """The namespace and the cells."""

    def __init__(self, *cells: str) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.run: list[str] = []
        self.cells = Cells(lambda: reversed(self.run))
        for cell in cells:
            self.execute(cell)

    def execute(self, cell: str) -> None:
        """Run a cell."""
        name = f"<cell {uuid4().hex}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        self.run.append(cell)
        exec(compile(cell, name, "exec"), self.names)  # noqa: S102 - that is what a kernel does
