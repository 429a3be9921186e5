"""What came of running tests: outcomes with named verdicts, and the report that goes into the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal[
    "passed",
    "failed",
    "error",
    "skipped",
    "timeout",
    "crashed",
    "memory",
    "forbidden read",
    "forbidden write",
    "forbidden network",
    "forbidden process",
    "tampered",
]
Origin = Literal["model", "characterisation"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What came of one test. ``reason`` is pytest's words or ours, bounded; ``seconds`` is its own time."""

    name: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    source: str = ""


class RunReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the kernel answers after a run: the outcomes, what the tests share, and what could not be had.

    ``missing`` names what the target needs and the isolated process did not get; ``notes`` are further words.
    """

    target: str
    outcomes: tuple[Outcome, ...]
    support: str = ""
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> tuple[Outcome, ...]:
        """Those that ran and passed."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == "passed")

    @property
    def others(self) -> tuple[Outcome, ...]:
        """All that did not pass, whatever the verdict."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict != "passed")


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A report as clients see it (``tests.reported``, ``tests.read``).

    ``origin`` says whether a model wrote the tests or they record today's behaviour. ``inserted`` holds whether the
    passing tests stand in the notebook, ``placing`` the words of whoever put them there or could not.
    """

    report_id: str
    message_id: str | None = None
    target: str
    origin: Origin
    outcomes: tuple[Outcome, ...]
    counts: dict[str, int]
    cell: str = ""
    inserted: bool = msgspec.field(default_factory=bool)
    placing: str = ""
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    intent: str = ""
    seconds: float = 0.0


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many of each verdict, the commonest first."""
    return dict(Counter(outcome.verdict for outcome in outcomes).most_common())


def counted(outcomes: Sequence[Outcome]) -> str:
    """The counts in words.

    >>> counted([Outcome(name="test_a", verdict="passed"), Outcome(name="test_b", verdict="timeout")])
    '1 passed, 1 timeout'
    """
    return ", ".join(f"{number} {verdict}" for verdict, number in counts(outcomes).items()) or "no tests"


def cell_of(run: RunReport, origin: Origin) -> str:
    """The cell that is inserted: what passed, what it shares, and a line on what ran. Empty where nothing passed."""
    if not run.passed:
        return ""
    labels = [
        f"# Tests of {run.target}: {len(run.passed)} of {len(run.outcomes)} ran and passed before they came here."
    ]
    if origin == "characterisation":
        labels.append("# Characterisation tests: they record what the code does today, mistakes included.")
    parts = ["%%tests\n" + "\n".join(labels)]
    parts += [run.support] if run.support.strip() else []
    return "\n\n".join([*parts, *(outcome.source for outcome in run.passed)])
