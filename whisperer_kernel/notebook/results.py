"""The report of a ``%%tests`` cell: counts, then every test that did not pass with its reason and diff.

It is kept in the notebook, so it is bounded; what was left out is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import msgspec

from whisperer_kernel.harmless import harmless
from whisperer_kernel.verify.report import Outcome, counted

MAX_ROWS = 100
MAX_REASONS = 40_000
"""Characters of all reasons together."""

_MIX = "color-mix(in oklab, var({}, {}) 62%, var(--jp-ui-font-color1, currentcolor))"
"""The theme's colour, nearer to its text, so that it can be read in light and dark."""

_COLORS = {
    "passed": _MIX.format("--jp-success-color1", "#2e7d32"),
    "skipped": _MIX.format("--jp-warn-color1", "#8d6e00"),
}
_BAD = _MIX.format("--jp-error-color1", "#c62828")


class Results:
    """What came of a cell's tests. A notebook shows it as HTML, a terminal as text."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = tuple(outcomes)
        self._shown = _within(_first(self.outcomes))

    @property
    def all_passed(self) -> bool:
        """Whether there were tests, and each passed or was skipped on purpose."""
        return bool(self.outcomes) and all(one.verdict in {"passed", "skipped"} for one in self.outcomes)

    @property
    def counted(self) -> str:
        """The counts in words."""
        return counted(self.outcomes)

    def __repr__(self) -> str:
        mark = "✓" if self.all_passed else "✗"
        lines = [f"{mark} {self.counted}"]
        for one in self._shown:
            lines.append(f"  {'✓' if one.verdict == 'passed' else '✗'} {one.name}: {one.verdict}")
            lines += [f"      {line}" for line in one.reason.splitlines()]
        return harmless("\n".join([*lines, *([f"  {left}"] if (left := self._left_out) else [])]))

    def _repr_html_(self) -> str:
        color = _COLORS["passed"] if self.all_passed else _BAD
        head = (
            f'<div style="font-weight:600;color:{color}">{"✓" if self.all_passed else "✗"} {escape(self.counted)}</div>'
        )
        foot = f'<div style="margin-left:1em">{escape(left)}</div>' if (left := self._left_out) else ""
        return head + "".join(map(_row, self._shown)) + foot

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text(repr(self))

    @property
    def _left_out(self) -> str:
        shown = {one.name for one in self._shown}
        rest = [one for one in self.outcomes if one.name not in shown]
        return f"Not shown: {counted(rest)}." if rest else ""


def _first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """As many as are shown, in their order; those that did not pass before the others."""
    by_need = sorted(outcomes, key=lambda one: one.verdict == "passed")
    chosen = {one.name for one in by_need[:MAX_ROWS]}
    return [one for one in outcomes if one.name in chosen]


def _within(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """With as much of their reasons as there is room for."""
    room, shown = MAX_REASONS, list[Outcome]()
    for one in outcomes:
        reason = one.reason if len(one.reason) <= room else f"{one.reason[:room]} [cut: the report is long]".lstrip()
        room = max(0, room - len(one.reason))
        shown.append(msgspec.structs.replace(one, reason=reason))
    return shown


def _row(one: Outcome) -> str:
    color = _COLORS.get(one.verdict, _BAD)
    name = f'<code>{escape(one.name)}</code> <span style="color:{color}">{escape(one.verdict)}</span>'
    if not one.reason:
        return f'<div style="margin-left:1em">{name}</div>'
    lines = "\n".join(_line(line) for line in one.reason.splitlines())
    return (
        f'<details open style="margin-left:1em"><summary>{name}</summary>'
        f'<pre style="margin:0 0 0 1em;white-space:pre-wrap">{lines}</pre></details>'
    )


def _line(line: str) -> str:
    """A line of a diff in its colour: what was expected, what was there."""
    bare = line.strip()
    color = _BAD if bare.startswith("- ") else _COLORS["passed"] if bare.startswith("+ ") else None
    return escape(line) if color is None else f'<span style="color:{color}">{escape(line)}</span>'
