"""What a plan is, what a model drafts of it, and all that can be wrong with a draft."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import count
from typing import Annotated, Literal

import msgspec

from whisperer_kernel.errors import InvalidParams, NoSuchItem

PlanStatus = Literal["draft", "approved", "done"]
StepStatus = Literal["open", "doing", "done", "failed", "skipped"]

MAX_STEPS = 20
MAX_TITLE, MAX_GOAL, MAX_WORDS, MAX_CHECK, MAX_CODE = 120, 1_000, 2_000, 1_000, 20_000

# Checks that hold before anything was done, or say nothing.
_EMPTY_CHECKS = {"", "-", "...", "none", "n/a", "pass", "tbd", "todo", "true", "assert true"}
_NUMBER = re.compile(r"^(step\s*)?\d{1,2}\s*[.):]\s*", re.IGNORECASE)
_OVER: set[StepStatus] = {"done", "skipped"}


def _said(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class StepDraft(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A step as a model writes it. What is too long or empty is found by ``mistakes``, all of it at once."""

    title: Annotated[str, _said("Short, on one line, and no other step's.")]
    what: Annotated[str, _said("What is done: one action with one result.")]
    check: Annotated[str, _said("A short Python expression or assert: true when the step is done, false before.")]
    why: Annotated[str, _said("What the step is for.")] = ""
    depends_on: Annotated[list[str], _said("Titles of the steps that must be done before.")] = []
    code: Annotated[str | None, _said("Code that does the step, where you know it.")] = None


class Draft(msgspec.Struct, kw_only=True, frozen=True):
    """A plan as a model writes it."""

    title: str
    goal: str
    steps: list[StepDraft]


class Step(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """One step. ``depends_on`` are ids of steps before it."""

    step_id: str
    title: str
    why: str
    what: str
    check: str
    depends_on: list[str] = []
    code: str | None = None
    status: StepStatus = "open"


class Plan(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """A plan. ``created`` is ISO 8601 in UTC, ``message_id`` the message it answers.

    ``demo``: the demo model answers; ``pattern``: no model made it, but it follows the fixed pattern of this name.
    """

    plan_id: str
    title: str
    goal: str
    steps: list[Step]
    agent: str
    created: str
    message_id: str
    status: PlanStatus = "draft"
    demo: bool = False
    pattern: str | None = None


class PlanChange(msgspec.Struct, kw_only=True, frozen=True):
    """What is to change: a step's status, and whether the plan is approved."""

    step_id: str | None = None
    status: StepStatus | None = None
    approve: bool | None = None


def mistakes(draft: Draft) -> list[str]:
    """Everything that is wrong with a draft, in words for whoever wrote it; empty: nothing."""
    found = [*_bad_text("the title", draft.title, MAX_TITLE), *_bad_text("the goal", draft.goal, MAX_GOAL)]
    if not 0 < len(draft.steps) <= MAX_STEPS:
        # Not looked into: there may be thousands of them.
        return [*found, f"there are {len(draft.steps):,} steps; a plan has between 1 and {MAX_STEPS}"]
    for number, step in enumerate(draft.steps, 1):
        found += _bad_step(f"step {number}", step)
    titles = Counter(title_key(step.title) for step in draft.steps if title_key(step.title))
    twice = [title for title, count in titles.items() if count > 1]
    found += [f"more than one step is named `{title}`; each needs a title of its own" for title in twice]
    return found + _bad_order(draft.steps)


def distinct(steps: Sequence[StepDraft]) -> list[StepDraft]:
    """The steps, each with a title of its own: one taken already gives way to what is done. A repeated step goes."""
    once: dict[tuple[str, str], StepDraft] = {}
    for step in steps:
        once.setdefault((title_key(step.title), _line(step.what).casefold()), step)
    taken: set[str] = set()
    kept: list[StepDraft] = []
    for step in once.values():
        title = next(title for title in _titles(step) if title_key(title) not in taken)
        taken.add(title_key(title))
        kept.append(msgspec.structs.replace(step, title=title))
    return kept


def made(  # noqa: PLR0913 - what a plan is made with, by name
    draft: Draft,
    *,
    plan_id: str,
    agent: str,
    created: str,
    message_id: str,
    demo: bool = False,
    pattern: str | None = None,
) -> Plan:
    """The plan of a draft without mistakes: its steps in an order in which each comes after those it depends on."""
    graph = _graph(draft.steps)
    places = _order(graph)
    ids = {place: f"s{number}" for number, place in enumerate(places, 1)}
    before = {place: [ids[other] for other in places if other in graph[place]] for place in places}
    steps = [_step(draft.steps[place], ids[place], before[place]) for place in places]
    return Plan(
        plan_id=plan_id,
        title=_line(draft.title),
        goal=draft.goal.strip(),
        steps=steps,
        agent=agent,
        created=created,
        message_id=message_id,
        demo=demo,
        pattern=pattern,
    )


def changed(plan: Plan, change: PlanChange) -> Plan:
    """The plan after a change. Raises ``InvalidParams``, and ``NoSuchItem`` where it has no such step."""
    if (change.step_id is None) != (change.status is None):
        raise InvalidParams("stepId and status go together")
    if change.step_id is None and change.approve is None:
        raise InvalidParams("nothing to change: give stepId and status, or approve")
    if change.step_id is not None and change.step_id not in {step.step_id for step in plan.steps}:
        raise NoSuchItem("The plan has no such step.")
    steps = [
        msgspec.structs.replace(step, status=change.status) if step.step_id == change.step_id else step
        for step in plan.steps
    ]
    approved = plan.status != "draft" if change.approve is None else change.approve
    status: PlanStatus = "approved" if approved else "draft"
    if approved and all(step.status in _OVER for step in steps):
        status = "done"
    return msgspec.structs.replace(plan, steps=steps, status=status)


def _line(text: str) -> str:
    return " ".join(text.split())


def _title(text: str) -> str:
    """A step's title without the number that its place gives it anyway."""
    return _NUMBER.sub("", _line(text)) or _line(text)


def title_key(title: str) -> str:
    """What two titles have in common that name the same step."""
    return _title(title).casefold()


def _titles(step: StepDraft) -> Iterator[str]:
    """What a step may be called, the best first."""
    yield from (step.title, _line(step.what)[:MAX_TITLE])
    yield from (f"{_line(step.title)[: MAX_TITLE - 5]} ({number})" for number in count(2))


def _bad_text(what: str, text: str, longest: int) -> Iterator[str]:
    if not text.strip():
        yield f"{what} is empty"
    elif len(text) > longest:
        yield f"{what} is longer than {longest:,} characters"


def _bad_step(name: str, step: StepDraft) -> Iterator[str]:
    yield from _bad_text(f"{name}: its title", step.title, MAX_TITLE)
    yield from _bad_text(f"{name}: `what`", step.what, MAX_WORDS)
    if _line(step.check).casefold() in _EMPTY_CHECKS:
        yield f"{name}: `check` is empty; say what is true when the step is done, and false before"
    elif len(step.check) > MAX_CHECK:
        yield f"{name}: `check` is longer than {MAX_CHECK:,} characters"
    if len(step.why) > MAX_WORDS:
        yield f"{name}: `why` is longer than {MAX_WORDS:,} characters"
    if step.code is not None and len(step.code) > MAX_CODE:
        yield f"{name}: `code` is longer than {MAX_CODE:,} characters"
    if len(step.depends_on) > MAX_STEPS:
        yield f"{name}: `depends_on` names {len(step.depends_on):,} steps; a plan has no more than {MAX_STEPS}"


def _bad_order(steps: Sequence[StepDraft]) -> list[str]:
    if any(len(step.depends_on) > MAX_STEPS for step in steps):
        return []
    known = {title_key(step.title) for step in steps}
    found = [
        f"step {number} depends on `{_line(title)}`, and there is no such step"
        for number, step in enumerate(steps, 1)
        for title in step.depends_on
        if title_key(title) not in known
    ]
    try:
        TopologicalSorter(_graph(steps)).prepare()
    except CycleError as error:
        circle = " → ".join(f"`{_line(steps[place].title)}`" for place in reversed(error.args[1]))
        found.append(f"steps depend on each other in a circle: {circle}")
    return found


def _graph(steps: Sequence[StepDraft]) -> dict[int, set[int]]:
    """Each step's place, with the places of those it depends on; unknown ones are passed over."""
    places = {title_key(step.title): place for place, step in enumerate(steps)}
    return {
        place: {places[title_key(title)] for title in step.depends_on if title_key(title) in places}
        for place, step in enumerate(steps)
    }


def _order(graph: dict[int, set[int]]) -> list[int]:
    """As drafted, but for steps that stand before one they depend on."""
    order: list[int] = []
    while len(order) < len(graph):
        order.append(next(place for place, before in graph.items() if place not in order and before <= {*order}))
    return order


def _step(draft: StepDraft, step_id: str, depends_on: list[str]) -> Step:
    code = None if draft.code is None or not draft.code.strip() else draft.code.strip("\n")
    return Step(
        step_id=step_id,
        title=_title(draft.title),
        why=draft.why.strip(),
        what=draft.what.strip(),
        check=draft.check.strip(),
        depends_on=depends_on,
        code=code,
    )
