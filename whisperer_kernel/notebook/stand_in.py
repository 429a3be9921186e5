"""Takes the cells of agents where no page owns the notebook's: VS Code, Colab, a console, IPython's terminal, a script.

What can be done there: one code cell below the one that asks, as IPython's ``set_next_input`` offers it when that has
ended; everything else in the output of the cell that asks; and where none runs, back to the code that asks. Each is
said. A place where nobody sits in front takes no cell below: what executes notebooks without a person ignores it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.cell import Cell
from whisperer_kernel.notebook.made_cells import MadeCells
from whisperer_kernel.notebook.peer import Params
from whisperer_kernel.notebook.turn import Turn
from whisperer_kernel.tools.cells import NewCell, insert_cells

GIVEN_BACK = "There is no notebook here to put cells into; they are given back with the reply, to the code that asked."
IN_OUTPUT = "Nobody here can put them into the notebook; they are shown in the output of the cell that asked."
BELOW = "The code cell stands below the cell that asked as soon as that has ended."
NOT_RUN = "Nobody here can run it but the person."


class NotPlaced(WhispererError):
    """The cells are not in the notebook; the message says where they are instead."""


TurnOf = Callable[[Params], Turn | None]
"""The turn in which a call was made, where code here waits for it."""


class StandIn:
    """Carries out ``insert_cells`` for the turns that code here waits for."""

    names = ("insert_cells",)

    def __init__(self, turn_of: TurnOf) -> None:
        self._turn_of = turn_of

    def carry_out(self, call: Params) -> str:
        """Take the cells of a call; JSON. Raises ``NotPlaced``."""
        turn = self._turn_of(call)
        assert insert_cells.arguments is not None  # noqa: S101 - it is made of a function
        given: Any = msgspec.convert(call["arguments"], insert_cells.arguments)
        if any(place is not None for place in (given.after, given.below_definition_of, given.replacing)):
            raise NotPlaced("Which cells there are is not known here: call again without naming one.")
        if turn is None:
            raise NotPlaced("The code that asked does not wait any more.")
        said = _taken(call["agent"], given.cells, turn)
        return msgspec.json.encode({"inserted": [], "said": f"{said} {NOT_RUN}" if given.run else said}).decode()


def _taken(agent: str, cells: Sequence[NewCell], turn: Turn) -> str:
    """Where the cells are now, one of them below the cell that asks. Raises ``NotPlaced`` where none is."""
    cell = turn.asker.cell
    if cell is None or not cell.is_running:
        turn.give_back(cells)
        raise NotPlaced(GIVEN_BACK)
    below = _offered(cell, cells)
    rest = [other for other in cells if other is not below]
    if unseen := turn.unseen(rest):
        cell.show(MadeCells(agent, unseen))
    if below is None:
        raise NotPlaced(IN_OUTPUT)
    return BELOW if not rest else f"{BELOW} There can be one alone: the other {len(rest)} are shown in the output."


def _offered(cell: Cell, cells: Sequence[NewCell]) -> NewCell | None:
    """The first code cell, where it can stand below."""
    first = next((one for one in cells if one.type == "code"), None)
    return first if first is not None and cell.offer(first.source) else None
