"""A plan as the notebook shows it: markdown that brings nothing of its own along, and cells.

What a model wrote is text. The notebook would load a picture as soon as its cell is shown, make links out of addresses
and typeset mathematics, so whatever could become more than words is put into code.
"""

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
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# Code in backticks, words, white space, and backticks that are none of these.
_PIECES = re.compile(r"(?<!`)`[^`]+`(?!`)|[^\s`]+|\s+|`")
# Marks, entities, addresses, and what the second line of a table is made of.
_LIVE = re.compile(r"[\\`<>\[\]*_#|~$@]|&(?=#?\w+;)|//|www\.|:-|-:", re.IGNORECASE)
# JupyterLab takes mathematics out before it looks for backticks, and puts @@0@@ there; a `|` would cut them in a table.
_NOT_IN_BACKTICKS = re.compile(r"[\\`$|]|@@")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


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
    parts = [f"# {_title(plan.title)}", f"**Goal:** {prose(plan.goal)}", "\n".join(lines)]
    return "\n\n".join([*parts, *_origin(plan)])


def prose(text: str) -> str:
    r"""Text as markdown that looks like it: what could be more than words is code, and code in backticks stays.

    >>> prose("Look at `df['a']` ![x](http://a.example), it costs $5")
    "Look at `df['a']` `![x](http://a.example),` it costs <code>&#36;5</code>"
    """
    return "\n".join(map(_prose_line, _lines(text)))


def _title(text: str) -> str:
    return prose(" ".join(text.split()))


def _lines(text: str) -> list[str]:
    """The lines, whatever ends them, without control characters."""
    return [_CONTROL.sub("", line) for line in text.splitlines()]


def _prose_line(line: str) -> str:
    written = ""
    for piece in _PIECES.findall(line.strip()):
        shown = _shown(piece)
        # Two runs of backticks side by side would be one.
        written += f" {shown}" if written.endswith("`") and shown.startswith("`") else shown
    return written


def _shown(piece: str) -> str:
    if piece.startswith("`") and len(piece) > 1:
        return _code(piece[1:-1])
    return _code(piece) if _LIVE.search(piece) else piece


def _origin(plan: Plan) -> list[str]:
    if plan.pattern is not None:
        return [f"*{PATTERN}*"]
    return [DEMO] if plan.demo else []


def _cell(kind_of_cell: str, kind: str, source: str, **marks: str) -> dict[str, Any]:
    return {"type": kind_of_cell, "kind": kind, "source": source, **marks}


def _item(number: int, step: Step) -> str:
    state = "" if step.status in {"open", "done"} else f" ({step.status})"
    check = _lines(step.check)
    shown = f" — check: {_code(*check)}" if len(check) == 1 else ""
    return f"- [{_TICKS[step.status]}] **{number}. {_title(step.title)}**{state}{shown}"


def _heading(plan: Plan, number: int, step: Step) -> str:
    numbers = {other.step_id: place for place, other in enumerate(plan.steps, 1)}
    after = ", ".join(str(numbers[step_id]) for step_id in step.depends_on)
    check = _lines(step.check)
    shown = f"**Check:** {_code(*check)}" if len(check) == 1 else f"**Check:**\n\n{_block(check)}"
    parts = [f"## {number}. {_title(step.title)}", prose(step.why), prose(step.what), shown]
    return "\n\n".join([*(part for part in parts if part), *([f"After step {after}."] if after else [])])


def _code(code: str) -> str:
    """Code in one line."""
    return _literal(code) if _NOT_IN_BACKTICKS.search(code) else f"`{code or ' '}`"


def _block(lines: list[str]) -> str:
    code = "\n".join(lines)
    return f"<pre>{_literal(code)}</pre>" if _NOT_IN_BACKTICKS.search(code) else f"```python\n{code}\n```"


def _literal(code: str) -> str:
    """Code in HTML, in which no renderer finds anything else."""
    return f"<code>{_PUNCTUATION.sub(lambda found: f'&#{ord(found[0])};', code)}</code>"
