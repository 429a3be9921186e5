"""What the kernel does when it is asked to run tests: slice the target, run isolated, report. Blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from whisperer_kernel.verify import isolated
from whisperer_kernel.verify.candidates import Candidate, Split, split, uses
from whisperer_kernel.verify.characterise import characterise
from whisperer_kernel.verify.report import Outcome, RunReport
from whisperer_kernel.verify.slicing import Slice, slice_of
from whisperer_kernel.verify.sources import Cells

MAX_TESTS = 100


def run_tests(
    target: str, tests: str, namespace: Mapping[str, Any], cells: Cells, stop: isolated.Stop | None = None
) -> RunReport:
    """The tests' outcomes, against the target as it is in the namespace.

    Raises ``NothingToTest``, ``Broken``, and ``Stopped`` where ``stop`` was set.
    """
    began = time.monotonic()
    slice_ = slice_of(target, namespace, cells)
    return _report(slice_, split(tests), began, stop)


def characterisation(
    target: str, namespace: Mapping[str, Any], cells: Cells, stop: isolated.Stop | None = None
) -> RunReport:
    """Tests that record what the target does today, made and run. Raises as ``run_tests`` does."""
    began = time.monotonic()
    slice_ = slice_of(target, namespace, cells)
    made = characterise(slice_, stop)
    candidates = tuple(Candidate(name=name, source=source) for name, source in made.tests.items())
    return _report(slice_, Split(support=made.support, candidates=candidates, problems=made.notes), began, stop)


def _report(slice_: Slice, parts: Split, began: float, stop: isolated.Stop | None) -> RunReport:
    tried, spare = parts.candidates[:MAX_TESTS], parts.candidates[MAX_TESTS:]
    problems = [candidate.problem or _unrelated(candidate, parts.support, slice_.target) for candidate in tried]
    runnable = [candidate for candidate, problem in zip(tried, problems, strict=True) if problem is None]
    files = [_file(parts.support, one) for one in runnable]
    ran = isolated.run("tests", slice_.source, files, stop=stop) if files else isolated.Ran(results=())
    results = iter(ran)
    outcomes = [
        _outcome(candidate, next(results)) if problem is None else _refused(candidate, problem)
        for candidate, problem in zip(tried, problems, strict=True)
    ]
    more = (f"{len(spare)} further tests were not looked at: {MAX_TESTS} are run at once",) if spare else ()
    return RunReport(
        target=slice_.target,
        outcomes=tuple(outcomes),
        support=parts.support,
        missing=slice_.missing,
        notes=(*slice_.notes, *parts.problems, *more, *([ran.wall] if ran.wall else [])),
        seconds=round(time.monotonic() - began, 2),
    )


def _file(support: str, candidate: Candidate) -> str:
    return f"{support}\n\n{candidate.source}\n"


def _unrelated(candidate: Candidate, support: str, target: str) -> str | None:
    return None if uses(candidate, support, target) else f"does not use {target}, so it says nothing about it"


def _outcome(candidate: Candidate, result: isolated.Result) -> Outcome:
    return Outcome(
        name=candidate.name,
        verdict=result.verdict,
        reason=result.reason,
        seconds=result.seconds,
        source=candidate.source,
    )


def _refused(candidate: Candidate, problem: str) -> Outcome:
    return Outcome(name=candidate.name, verdict="error", reason=problem, source=candidate.source)
