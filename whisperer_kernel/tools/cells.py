"""Tools that touch the notebook's cells. They are carried out where the cells are: in the browser.

Cells are named by their nbformat id. An id that is not there is an error, never another cell.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from whisperer_kernel.tools.tool import CarriedOutByClient, Effect, ToolContext, tool

Kind = Literal["plan", "step", "test", "report", "code"]
CellId = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, description="A cell's id, as notebook_outline tells it.")
]
Mark = Annotated[str, msgspec.Meta(max_length=64)]
Source = Annotated[str, msgspec.Meta(max_length=100_000)]
Defined = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="Name of a function, class or value.")]


class NewCell(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A cell to be put into the notebook. The ids say whose cell it is: of a plan, of one of its steps, of a report.

    ``tests_of``: what a cell of tests tests.
    """

    type: Literal["code", "markdown", "raw"]
    source: Source
    kind: Kind = "code"
    plan_id: Mark | None = None
    step_id: Mark | None = None
    report_id: Mark | None = None
    tests_of: Defined | None = None


class Inserted(msgspec.Struct, frozen=True):
    """What the client says of an insertion.

    ``where``, should it say that: where in the notebook; ``said``: in sentences, where they do not plainly stand there.
    """

    where: Annotated[str, msgspec.Meta(max_length=300)] = ""
    said: Annotated[str, msgspec.Meta(max_length=300)] = ""


def inserted_by(answer: str) -> Inserted:
    """What a client answered; of one that says it in its own way, nothing is known."""
    try:
        return msgspec.json.decode(answer, type=Inserted)
    except msgspec.MsgspecError:
        return Inserted()


def _effect(arguments: dict[str, Any]) -> Effect:
    return "run" if arguments.get("run") else "edit"


def _granted(arguments: dict[str, Any]) -> tuple[str, ...] | None:
    """A yes for the session to insert cells holds for all cells; one to run them for these cells alone."""
    return None if arguments.get("run") else ("run",)


def _inserted(arguments: dict[str, Any]) -> str:
    shown = [_to_be_inserted(cell) for cell in arguments.get("cells", [])]
    what = "1 cell" if len(shown) == 1 else f"{len(shown)} cells"
    run = f" and run {'it' if len(shown) == 1 else 'them'}" if arguments.get("run") else ""
    return "\n\n".join([f"Insert {what} {_place(arguments)}{run}:", *shown])


def _to_be_inserted(cell: dict[str, Any]) -> str:
    """Code as it would run; of text, which loads and runs nothing, what it begins with."""
    source = str(cell.get("source"))
    if cell.get("type") != "markdown":
        return f"# {cell.get('type')}\n{source}"
    first, *more = source.strip().splitlines() or [""]
    return f"markdown cell: {first}{f' (lines: {1 + len(more)})' if more else ''}"


def _place(arguments: dict[str, Any]) -> str:
    if arguments.get("after"):
        return f"after cell {arguments['after']}"
    if arguments.get("replacing"):
        return "in the place of an earlier one, which nobody has changed,"
    if arguments.get("below_definition_of"):
        return f"below the cell that defines {arguments['below_definition_of']}"
    return "below the chat or the cell that asks"


@tool(effect="read", tags={"cells"}, executor="client")
async def notebook_outline(context: ToolContext) -> str:
    """List the notebook's cells: id, type, first line, number of lines, execution count, whether it failed."""
    raise CarriedOutByClient


@tool(effect="read", tags={"cells"}, executor="client")
async def read_cells(
    context: ToolContext, cell_ids: Annotated[list[CellId], msgspec.Meta(min_length=1, max_length=20)]
) -> str:
    """Read cells: their source and, as text, their outputs."""
    raise CarriedOutByClient


@tool(
    effect=_effect,
    tags={"cells", "write"},
    executor="client",
    granted=_granted,
    # Cells that carry the call's id are not put in a second time.
    repeatable={"read", "edit"},
    preview=_inserted,
)
async def insert_cells(  # noqa: PLR0913, PLR0917 - a model gives them by name
    context: ToolContext,
    cells: Annotated[list[NewCell], msgspec.Meta(min_length=1, max_length=50)],
    after: CellId | None = None,
    run: bool = False,  # noqa: FBT001, FBT002 - a model gives it by name
    below_definition_of: Defined | None = None,
    replacing: CellId | None = None,
) -> str:
    """Put cells into the notebook: after a cell, below the cell that defines a name, else below the chat.

    `replacing` names a cell of tests that an agent made, whose place they take if nobody has changed it. Code cells are
    run if `run` is true.
    """
    raise CarriedOutByClient


# For `make_tests`, not for models: nobody who makes tests may use what writes.
@tool(effect="read", tags={"tests", "write"}, executor="client")
async def place_of_tests(context: ToolContext, target: Defined) -> str:
    """Say where tests of the target belong, as JSON: whether a cell defines it, which earlier ones they replace."""
    raise CarriedOutByClient


@tool(
    effect="edit",
    tags={"cells", "write"},
    executor="client",
    granted=("cell_id",),
    preview=lambda arguments: f"Replace cell {arguments.get('cell_id')} by:\n\n{arguments.get('source')}",
)
async def replace_cell(context: ToolContext, cell_id: CellId, source: Source) -> str:
    """Replace a cell's source. It is not run."""
    raise CarriedOutByClient


@tool(
    effect="run",
    tags={"cells", "write"},
    executor="client",
    timeout_s=600,
    # An id does not say what is in the cell by then: an agent may have replaced it.
    is_grantable=False,
    preview=lambda arguments: f"Run {', '.join(map(str, arguments.get('cell_ids', [])))}",
)
async def run_cells(
    context: ToolContext, cell_ids: Annotated[list[CellId], msgspec.Meta(min_length=1, max_length=20)]
) -> str:
    """Run code cells in the order given and return their outputs as text."""
    raise CarriedOutByClient


TOOLS = (notebook_outline, read_cells, insert_cells, place_of_tests, replace_cell, run_cells)
