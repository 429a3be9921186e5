"""The gate as a table: every effect in every mode, under every policy, with and without grants."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest

from whisperer_kernel.events import Mode
from whisperer_kernel.tools.call import ToolSchema
from whisperer_kernel.tools.cells import insert_cells, replace_cell, run_cells
from whisperer_kernel.tools.permissions import ORDER, Decision, Grant, Policy, bound, decide, grant
from whisperer_kernel.tools.tool import Effect, Tool

EFFECTS: tuple[Effect, ...] = ("read", "edit", "run")
GIVEN = {"cell": "c1"}
TABLE: dict[Mode, tuple[Decision, Decision, Decision]] = {
    "plan": ("allow", "deny", "deny"),
    "ask": ("allow", "ask", "ask"),
    "edit": ("allow", "allow", "ask"),
    "auto": ("allow", "allow", "allow"),
}
CELL = {"type": "code", "source": "1"}


def some_tool(effect: Any = "run", granted: Any = None) -> Tool:
    """A tool with this effect."""
    return Tool(schema=ToolSchema(name="touch", description="Touch it.", parameters={}), effect=effect, granted=granted)


@pytest.mark.parametrize(("mode", "place"), [*product(ORDER, range(3))])
def test_modes(mode: Mode, place: int) -> None:
    """Reading is free; plan changes nothing; ask asks; edit lets cells be edited; auto asks nobody."""
    assert decide(some_tool(EFFECTS[place]), GIVEN, "alice", mode, Policy()) == TABLE[mode][place]


@pytest.mark.parametrize(("mode", "highest", "place"), [*product(ORDER, ORDER, range(3))])
def test_highest_mode(mode: Mode, highest: Mode, place: int) -> None:
    """A session's mode counts up to the policy's highest."""
    lower = min(mode, highest, key=ORDER.index)
    decision = decide(some_tool(EFFECTS[place]), GIVEN, "alice", mode, Policy(highest_mode=highest))
    assert decision == TABLE[lower][place]


@pytest.mark.parametrize(("mode", "effect", "granted"), [*product(ORDER, EFFECTS, [False, True])])
def test_policy_denies(mode: Mode, effect: Effect, granted: bool) -> None:  # noqa: FBT001 - a column of the table
    """What the policy denies is denied in every mode, whatever was granted; deny goes before ask."""
    grants = {grant("alice", "touch", GIVEN)} if granted else set()
    for policy in (Policy(deny=("touch",)), Policy(deny=("t*",)), Policy(deny=("*",), ask=("*",))):
        assert decide(some_tool(effect), GIVEN, "alice", mode, policy, grants) == "deny"


@pytest.mark.parametrize(("mode", "place"), [*product(ORDER, range(3))])
def test_policy_asks(mode: Mode, place: int) -> None:
    """What the policy wants asked is asked in every mode that does not deny it."""
    expected = "deny" if TABLE[mode][place] == "deny" else "ask"
    assert decide(some_tool(EFFECTS[place]), GIVEN, "alice", mode, Policy(ask=("touch",))) == expected


@pytest.mark.parametrize(("mode", "place"), [*product(ORDER, range(3))])
def test_grants(mode: Mode, place: int) -> None:
    """A grant answers what would be asked; it never lifts what the mode denies."""
    expected = "deny" if TABLE[mode][place] == "deny" else "allow"
    grants = {grant("alice", "touch", GIVEN)}
    assert decide(some_tool(EFFECTS[place]), GIVEN, "alice", mode, Policy(ask=("*",)), grants) == expected


@pytest.mark.parametrize(("mode", "place"), [*product(ORDER, range(3))])
def test_commanded(mode: Mode, place: int) -> None:
    """What the message commands the mode need not ask; what the policy wants asked is asked all the same."""
    denied = TABLE[mode][place] == "deny"
    commanded = {grant("alice", "touch", GIVEN)}
    for policy, decision in ((Policy(), "allow"), (Policy(ask=("t*",)), "ask"), (Policy(deny=("t*",)), "deny")):
        expected = "deny" if denied else decision
        assert decide(some_tool(EFFECTS[place]), GIVEN, "alice", mode, policy, commanded=commanded) == expected


@pytest.mark.parametrize(
    "other",
    [grant("alice", "touch", {"cell": "c2"}), grant("alice", "other", GIVEN), grant("tessa", "touch", GIVEN)],
)
def test_grant_is_bound(other: Grant) -> None:
    """A grant for other arguments, another tool or another agent counts for nothing."""
    assert decide(some_tool(), GIVEN, "alice", "ask", Policy(), {other}) == "ask"


def test_order_of_arguments_does_not_matter() -> None:
    """The same arguments in another order are the same."""
    assert grant("alice", "touch", {"a": 1, "b": 2}) == grant("alice", "touch", {"b": 2, "a": 1})


def test_bound_to_what_the_tool_names() -> None:
    """A tool may bind a grant to a part of its arguments."""
    assert bound(some_tool(granted=("cell",)), {"cell": "c1", "text": "x"}) == {"cell": "c1"}
    assert bound(replace_cell, {"cell_id": "c1", "source": "x"}) == {"cell_id": "c1"}


def test_grant_is_this_declarations() -> None:
    """A tool of the same name that was declared otherwise is another tool."""
    tool = msgspec.structs.replace(some_tool(), declaration="lamp")
    for declaration, decision in (("lamp", "allow"), ("garage", "ask"), ("", "ask")):
        grants = {grant("alice", "touch", GIVEN, declaration)}
        assert decide(tool, GIVEN, "alice", "ask", Policy(), grants) == decision


def test_running_by_id_is_never_granted() -> None:
    """A yes for the session to run a cell of this id counts for nothing: the cell may hold something else by then."""
    given = {"cell_ids": ["c1"]}
    grants = {grant("alice", "run_cells", bound(run_cells, given))}
    assert decide(run_cells, given, "alice", "ask", Policy(), grants) == "ask"


def test_insertion_is_not_execution() -> None:
    """A yes to insert cells holds for others too; one to run them holds for these alone, and neither for the other."""
    assert bound(insert_cells, {"cells": [CELL]}) == bound(insert_cells, {"cells": [], "run": False}) == {"run": False}
    run = bound(insert_cells, {"cells": [CELL], "run": True})
    assert run["cells"][0]["source"] == "1"
    grants = {grant("alice", "insert_cells", run), grant("alice", "insert_cells", {"run": False})}
    for cells, decision in (([CELL], "allow"), ([{**CELL, "source": "2"}], "ask")):
        assert decide(insert_cells, {"cells": cells, "run": True}, "alice", "ask", Policy(), grants) == decision


def test_effect_that_cannot_be_told() -> None:
    """A tool that fails to say what it does is taken for the most that a tool can do."""
    assert decide(some_tool(lambda arguments: arguments["no"]), {}, "alice", "edit", Policy()) == "ask"
