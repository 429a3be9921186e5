"""Where tests are put: below the cell that defines what they test, and once."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from whisperer_kernel.tools.tool import ToolContext, ToolFailed

NONE_PASSED = "None passed, so nothing was put into the notebook."
UNANSWERED = "They are not in the notebook: it was stopped before you said yes."

T = TypeVar("T")


class Place(msgspec.Struct, frozen=True):
    """What the notebook has: an earlier cell of such tests that nobody has changed, a cell that defines the target."""

    earlier: str | None = None
    defined: bool = False


class Inserted(msgspec.Struct, frozen=True):
    """What the client says of an insertion; ``where`` in words, should it say that."""

    where: Annotated[str, msgspec.Meta(max_length=300)] = ""


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
        where = _decoded(await context.ask_client("insert_cells", arguments), Inserted).where
    except ToolFailed as error:
        return False, f"They are not in the notebook: {error}"
    return True, f"Those that passed are in the notebook{where and f', {where}'}."


async def _place(context: ToolContext, target: str) -> Place:
    """What the notebook has; nothing where no client can tell."""
    if not await context.can_ask("place_of_tests"):
        return Place()
    try:
        return _decoded(await context.ask_client("place_of_tests", {"target": target}), Place)
    except ToolFailed:
        return Place()


def _decoded(answer: str, kind: type[T]) -> T:
    """What a client answered; of one that says it in its own way, nothing is known."""
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.MsgspecError:
        return kind()


def _root(target: str) -> str:
    return target.split(".", maxsplit=1)[0]
