"""Drafts, what is wrong with them, and the plans that good ones become."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from whisperer_kernel.errors import InvalidParams, NoSuchItem
from whisperer_kernel.plans.model import (
    MAX_STEPS,
    Draft,
    Plan,
    PlanChange,
    StepDraft,
    changed,
    distinct,
    made,
    mistakes,
)


def step(title: str, *depends_on: str, **more: Any) -> StepDraft:
    """A good step."""
    return StepDraft(**{"title": title, "what": "Do it.", "check": "x == 1", "depends_on": [*depends_on], **more})


def draft(*steps: StepDraft, **more: Any) -> Draft:
    """A plan of these steps."""
    return Draft(**{"title": "A plan", "goal": "It is done.", "steps": [*steps], **more})


def plan(*steps: StepDraft) -> Plan:
    """The plan of a good draft."""
    assert mistakes(draft(*steps)) == []
    return made(draft(*steps), plan_id="p", agent="patricia", created="2026-01-01T00:00:00+00:00", message_id="m")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (draft(), "there are 0 steps; a plan has between 1 and 20"),
        (draft(*(step(f"step {number}") for number in range(MAX_STEPS + 1))), "there are 21 steps"),
        (draft(*(step(f"s{n}", f"s{(n + 1) % 9_000}", check="") for n in range(9_000))), "there are 9,000 steps"),
        (draft(step("a", *["x"] * 21)), "step 1: `depends_on` names 21 steps"),
        (draft(step("a"), title=" "), "the title is empty"),
        (draft(step("a"), goal=""), "the goal is empty"),
        (draft(step("a"), goal="x" * 1_001), "the goal is longer than 1,000 characters"),
        (draft(step("")), "step 1: its title is empty"),
        (draft(step("a" * 121)), "step 1: its title is longer"),
        (draft(step("a", what="\n")), "step 1: `what` is empty"),
        (draft(step("a", check="")), "step 1: `check` is empty"),
        (draft(step("a", check=" assert  True ")), "step 1: `check` is empty"),
        (draft(step("a", check="TODO")), "step 1: `check` is empty"),
        (draft(step("a", code="x" * 20_001)), "step 1: `code` is longer"),
        (draft(step("Load it"), step(" load  IT")), "more than one step is named `load it`"),
        (draft(step("a", "b")), "step 1 depends on `b`, and there is no such step"),
        (draft(step("a", "a")), "in a circle: `a` → `a`"),
        (draft(step("a", "c"), step("b", "a"), step("c", "b")), "steps depend on each other in a circle"),
    ],
)
def test_mistake_is_named(bad: Draft, words: str) -> None:
    """Each mistake is said in words that tell where it is."""
    (found,) = mistakes(bad)
    assert words in found


def test_all_mistakes_at_once() -> None:
    """A model that mends them one after the other would never be done."""
    assert len(mistakes(draft(step("a", "x", check=""), step("a", what=""), title=""))) == 5


def test_plan_keeps_the_order() -> None:
    """Steps stay as drafted, but for those that stand before one they depend on."""
    ordered = plan(step("a", "c"), step("b"), step("c"), step("d", "A", "b"))
    assert [one.title for one in ordered.steps] == ["b", "c", "a", "d"]
    assert [one.step_id for one in ordered.steps] == ["s1", "s2", "s3", "s4"]
    assert [one.depends_on for one in ordered.steps] == [[], [], ["s2"], ["s1", "s3"]]


def test_numbers_in_titles() -> None:
    """A number that the place gives anyway is not said twice, nor needed to name a step."""
    numbered = plan(step("1. Load"), step("Step 2: Look", "load"), step("3) Go", "2. look"), step("4 more"))
    assert [one.title for one in numbered.steps] == ["Load", "Look", "Go", "4 more"]
    assert [one.depends_on for one in numbered.steps] == [[], ["s1"], ["s2"], []]


def test_titles_are_made_distinct() -> None:
    """A title that is taken gives way to what is done, then to a number; a step that is repeated word by word goes."""
    steps = distinct(
        [
            step("Load", what="Read the file."),
            step(" load", what="Look at it."),
            step("1. Load", what="read the  file."),
            step("Look at it.", what="Look at it."),
            step("Load", what="Look at it."),
        ]
    )
    assert [one.title for one in steps] == ["Load", "Look at it.", "Look at it. (2)"]
    assert mistakes(draft(*steps)) == []
    long = distinct([step("a" * 120), step("a" * 120, what="b" * 2_000), step("a" * 120, what="b" * 1_999)])
    assert mistakes(draft(*long)) == []


def test_plan_goes_to_the_log_and_back() -> None:
    """A plan is the same after it was an event."""
    first = plan(step("a", code="\nx = 1\n"), step("b", "a"))
    assert msgspec.convert(msgspec.to_builtins(first), Plan) == first
    assert first.steps[0].code == "x = 1"


def test_changes() -> None:
    """A plan is approved, goes on, is done when every step is over, and can be opened again."""
    first = plan(step("a"), step("b"))
    approved = changed(first, PlanChange(approve=True))
    half = changed(approved, PlanChange(step_id="s1", status="done"))
    done = changed(half, PlanChange(step_id="s2", status="skipped"))
    again = changed(done, PlanChange(step_id="s1", status="failed"))
    assert [one.status for one in (first, approved, half, done, again)] == [
        "draft",
        "approved",
        "approved",
        "done",
        "approved",
    ]
    assert changed(done, PlanChange(approve=False)).status == "draft"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (PlanChange(), InvalidParams),
        (PlanChange(step_id="s1"), InvalidParams),
        (PlanChange(status="done"), InvalidParams),
        (PlanChange(step_id="s9", status="done"), NoSuchItem),
    ],
)
def test_bad_change(change: PlanChange, error: type[Exception]) -> None:
    """What does not make sense is refused."""
    with pytest.raises(error):
        changed(plan(step("a")), change)
