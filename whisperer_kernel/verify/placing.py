"""Where tests are put: below the cell that defines what they test, and once."""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.tools.cells import inserted_by
from whisperer_kernel.tools.tool import ToolContext, ToolFailed

NONE_PASSED = "None passed, so nothing was put into the notebook."
UNANSWERED = "They are not in the notebook: it was stopped before you said yes."


class Place(msgspec.Struct, frozen=True):
    """What the notebook has: an earlier cell of such tests that nobody has changed, a cell that defines the target."""

    earlier: str | None = None
    defined: bool = False


async def put_in(context: ToolContext, target: str, cell: str, report_id: str) -> tuple[bool, str]:
    """Put the cell into the notebook, once; whether it stands there, and in words where it is or why it is not."""
    place = await _place(context, target)
    new = {"type": "code", "source": cell, "kind": "test", "report_id": report_id, "tests_of": target}
    arguments: dict[str, Any] = {"cells": [new], "run": False}
    if place.defined:
        arguments["below_definition_of"] = _root(target)
    if place.earlier is not None:
        arguments["replacing"] = place.earlier
    try:
        inserted = inserted_by(await context.ask_client("insert_cells", arguments))
    except ToolFailed as error:
        return False, f"They are not in the notebook: {error}"
    where = inserted.where and f", {inserted.where}"
    return True, inserted.said or f"Those that passed are in the notebook{where}."


async def _place(context: ToolContext, target: str) -> Place:
    """What the notebook has; nothing where no client can tell."""
    if not await context.can_ask("place_of_tests"):
        return Place()
    try:
        return msgspec.json.decode(await context.ask_client("place_of_tests", {"target": target}), type=Place)
    except (ToolFailed, msgspec.MsgspecError):
        # Also where a client says it in its own way.
        return Place()


def _root(target: str) -> str:
    return target.split(".", maxsplit=1)[0]
