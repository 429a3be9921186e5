"""The report of a ``%%tests`` cell: counts, then every test that did not pass with its reason and diff."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from whisperer_kernel.verify.report import Outcome, counted

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
        for one in self.outcomes:
            lines.append(f"  {'✓' if one.verdict == 'passed' else '✗'} {one.name}: {one.verdict}")
            lines += [f"      {line}" for line in one.reason.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        color = _COLORS["passed"] if self.all_passed else _BAD
        head = (
            f'<div style="font-weight:600;color:{color}">{"✓" if self.all_passed else "✗"} {escape(self.counted)}</div>'
        )
        return head + "".join(map(_row, self.outcomes))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text(repr(self))


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
