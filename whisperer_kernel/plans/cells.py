"""A plan as the notebook shows it: markdown that brings nothing of its own along, and cells."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from whisperer_kernel.events import PlanUpdated
from whisperer_kernel.plans.model import Plan, Step, StepStatus

DEMO = "*Made by a demo model, which is often wrong: look at every step before you follow it.*"

PATTERN = (
    "No model made this plan: its steps and checks are a fixed pattern, chosen by the words of the goal. The built-in "
    "demo model cannot plan; with a larger one the steps are worked out for the goal."
)

_TICKS: dict[StepStatus, str] = {"open": " ", "doing": " ", "done": "x", "failed": " ", "skipped": " "}
_CODE_SPAN = re.compile(r"(`[^`\n]+`)")
_MARKUP = re.compile(r"([\\`<>\[\]!*_#|~$&])")


def plan_cells(plan: Plan) -> list[dict[str, Any]]:
    """The cells of a plan, as ``insert_cells`` takes them: the checklist; per step a heading and the code."""
    cells = [_cell("markdown", "plan", markdown(plan), plan_id=plan.plan_id)]
    for number, step in enumerate(plan.steps, 1):
        marks = {"plan_id": plan.plan_id, "step_id": step.step_id}
        cells.append(_cell("markdown", "step", _heading(plan, number, step), **marks))
        if step.code is not None:
            cells.append(_cell("code", "code", step.code, **marks))
    return cells


def updated(plan: Plan) -> PlanUpdated:
    """The event by which a plan is told, with the checklist that its cell is brought up to."""
    return PlanUpdated(plan=msgspec.to_builtins(plan), checklist=markdown(plan))


def markdown(plan: Plan) -> str:
    """The plan as a checklist, with its goal, and with each step's check."""
    lines = [_item(number, step) for number, step in enumerate(plan.steps, 1)]
    parts = [f"# {prose(plan.title)}", f"**Goal:** {prose(plan.goal)}", "\n".join(lines)]
    return "\n\n".join([*parts, *_origin(plan)])


def prose(text: str) -> str:
    r"""Text as markdown that looks like it: no pictures, links or HTML; code in backticks stays.

    >>> prose("Look at `df['a']` ![x](http://a.example) <b>")
    "Look at `df['a']` \\!\\[x\\](http://a.example) \\<b\\>"
    """
    parts = _CODE_SPAN.split(text)
    escaped = [part if number % 2 else _MARKUP.sub(r"\\\1", part) for number, part in enumerate(parts)]
    return "".join(escaped).replace("http://", "http\\://").replace("https://", "https\\://")


def _origin(plan: Plan) -> list[str]:
    if plan.pattern is not None:
        return [f"*{PATTERN}*"]
    return [DEMO] if plan.demo else []


def _cell(kind_of_cell: str, kind: str, source: str, **marks: str) -> dict[str, Any]:
    return {"type": kind_of_cell, "kind": kind, "source": source, **marks}


def _item(number: int, step: Step) -> str:
    state = "" if step.status in {"open", "done"} else f" ({step.status})"
    check = f" — check: {_span(step.check)}" if "\n" not in step.check else ""
    return f"- [{_TICKS[step.status]}] **{number}. {prose(step.title)}**{state}{check}"


def _heading(plan: Plan, number: int, step: Step) -> str:
    numbers = {other.step_id: place for place, other in enumerate(plan.steps, 1)}
    after = ", ".join(str(numbers[step_id]) for step_id in step.depends_on)
    check = f"**Check:** {_span(step.check)}" if "\n" not in step.check else f"**Check:**\n\n{_block(step.check)}"
    parts = [f"## {number}. {prose(step.title)}", prose(step.why), prose(step.what), check]
    return "\n\n".join([*(part for part in parts if part), *([f"After step {after}."] if after else [])])


def _span(code: str) -> str:
    """Code in one line, within more backticks than it has itself."""
    fence = "`" * (_longest_run(code) + 1)
    space = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{fence}{space}{code}{space}{fence}"


def _block(code: str) -> str:
    fence = "`" * max(3, _longest_run(code) + 1)
    return f"{fence}python\n{code}\n{fence}"


def _longest_run(code: str) -> int:
    return max((len(run) for run in re.findall("`+", code)), default=0)
