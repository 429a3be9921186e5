"""A plan as the notebook shows it: markdown that brings nothing of its own along, and cells.

What a model wrote is text. The notebook loads a picture as soon as its cell is shown, makes links out of addresses, and
typesets mathematics, links in it included, wherever dollars or backslashes stand outside code; so pictures, links and
HTML are escaped, and words with mathematics in them become code.
"""

from __future__ import annotations

import re
from typing import Any

from whisperer_kernel.plans.model import Plan, Step, StepStatus

DEMO = "*Made by a demo model, which is often wrong: look at every step before you follow it.*"

_TICKS: dict[StepStatus, str] = {"open": " ", "doing": " ", "done": "x", "failed": " ", "skipped": " "}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# Code in backticks, words, white space, and backticks that are none of these.
_PIECES = re.compile(r"(?<!`)`[^`]+`(?!`)|[^\s`]+|\s+|`")
# A colon between `-` is a table's, before `//` an address's; a table would cut code in backticks at a `|`.
_MARKUP = re.compile(r"[`<>\[\]*_#|~&@]|:(?!$)|(?<=-):|(?<=www)\.", re.IGNORECASE)
# Mathematics, and what JupyterLab puts in its place while it looks for markup.
_NO_WORD = re.compile(r"[$\\]|@@")
# Where mathematics begins and ends also in code: JupyterLab takes it out before it looks for code.
_TEX = re.compile(r"\\(?:begin|end)\{|\\\\[()[\]]")


def plan_cells(plan: Plan) -> list[dict[str, Any]]:
    """The cells of a plan, as ``insert_cells`` takes them: the checklist; per step a heading and the code."""
    cells = [_cell("markdown", "plan", markdown(plan))]
    for number, step in enumerate(plan.steps, 1):
        cells.append(_cell("markdown", "step", _heading(plan, number, step)))
        if step.code is not None:
            cells.append(_cell("code", "code", step.code))
    return cells


def markdown(plan: Plan) -> str:
    """The plan as a checklist, with its goal, and with each step's check."""
    items = [_item(number, step) for number, step in enumerate(plan.steps, 1)]
    # Mathematics ends at an empty line: what begins in one item must not swallow the next.
    checklist = ("\n\n" if any(map(_TEX.search, items)) else "\n").join(items)
    parts = [f"# {prose(plan.title)}", f"**Goal:** {prose(plan.goal)}", checklist]
    return "\n\n".join([*parts, *([DEMO] if plan.demo else [])])


def prose(text: str) -> str:
    r"""Text as markdown that looks like it: no pictures, links, HTML or mathematics; code in backticks stays.

    >>> prose("Look at `df['a']` ![x](http://a.example) <b>")
    "Look at `df['a']` !\\[x\\](http\\://a.example) \\<b\\>"
    >>> prose("costs $5 or $6")
    'costs `$5` or `$6`'
    """
    return "\n".join(map(_prose_line, _lines(text)))


def _lines(text: str) -> list[str]:
    """The lines, whatever ends them, without control characters."""
    return [_CONTROL.sub("", line) for line in text.splitlines()]


def _prose_line(line: str) -> str:
    written = ""
    for piece in _PIECES.findall(line):
        shown = _shown(piece)
        # Two runs of backticks side by side would be one.
        written += f" {shown}" if written.endswith("`") and shown.startswith("`") else shown
    return written


def _shown(piece: str) -> str:
    if piece.startswith("`") and len(piece) > 1:
        return piece
    return _span(piece) if _NO_WORD.search(piece) else _MARKUP.sub(r"\\\g<0>", piece)


def _cell(kind_of_cell: str, kind: str, source: str) -> dict[str, Any]:
    return {"type": kind_of_cell, "kind": kind, "source": source}


def _item(number: int, step: Step) -> str:
    state = "" if step.status in {"open", "done"} else f" ({step.status})"
    check = _lines(step.check)
    shown = f" — check: {_span(*check)}" if len(check) == 1 else ""
    return f"- [{_TICKS[step.status]}] **{number}. {prose(step.title)}**{state}{shown}"


def _heading(plan: Plan, number: int, step: Step) -> str:
    numbers = {other.step_id: place for place, other in enumerate(plan.steps, 1)}
    after = ", ".join(str(numbers[step_id]) for step_id in step.depends_on)
    check = _lines(step.check)
    shown = f"**Check:** {_span(*check)}" if len(check) == 1 else f"**Check:**\n\n{_block(check)}"
    parts = [f"## {number}. {prose(step.title)}", prose(step.why), prose(step.what), shown]
    return "\n\n".join([*(part for part in parts if part), *([f"After step {after}."] if after else [])])


def _span(code: str) -> str:
    """Code in one line, within more backticks than it has itself."""
    code = code or " "
    fence = "`" * (_longest_run(code) + 1)
    space = " " if code.startswith("`") or code.endswith("`") else ""
    return f"{fence}{space}{code}{space}{fence}"


def _block(lines: list[str]) -> str:
    code = "\n".join(lines)
    fence = "`" * max(3, _longest_run(code) + 1)
    return f"{fence}python\n{code}\n{fence}"


def _longest_run(code: str) -> int:
    return max((len(run) for run in re.findall("`+", code)), default=0)
