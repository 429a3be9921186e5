"""Cells that nobody put into the notebook, to be read and copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whisperer_kernel.harmless import harmless
from whisperer_kernel.markdown import safe_markdown
from whisperer_kernel.notebook.fenced import fenced
from whisperer_kernel.tools.cells import NewCell


class MadeCells:
    """What an agent made, with a line that says that it is not in the notebook. A notebook shows it as markdown."""

    def __init__(self, agent: str, cells: Sequence[NewCell]) -> None:
        self.agent = agent
        self.cells = tuple(cells)

    @property
    def title(self) -> str:
        """Whose they are, how many, and that they have no place."""
        count, are = ("1 cell", "is") if len(self.cells) == 1 else (f"{len(self.cells)} cells", "are")
        return f"{self.agent.capitalize()} made {count} that {are} not in the notebook:"

    def __str__(self) -> str:
        return harmless("\n\n".join([self.title, *map(_as_text, self.cells)]))

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            [f"**{safe_markdown(self.title)}**", *(safe_markdown(_as_text(cell)) for cell in self.cells)]
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text(str(self))


def _as_text(cell: NewCell) -> str:
    return fenced(cell.source, "python") if cell.type == "code" else cell.source
