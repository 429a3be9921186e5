"""pytest on a cell in this very process, against the objects that are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from whisperer_kernel.verify import pytest_cell
from whisperer_kernel.verify.report import Outcome, Verdict

FILE = "test_cell.py"
THE_CELL = "the cell"


def run_cell(folder: Path, source: str, names: Mapping[str, Any]) -> list[Outcome]:
    """The outcome of each test of the cell, in order; ``names`` are what they see. Raises ``KeyboardInterrupt``."""
    gathered = _Gathered()
    file = folder / FILE
    file.write_text(source, encoding="utf-8", errors="surrogatepass")
    plugin = pytest_cell.Plugin(names, gathered)
    pytest_cell.run(folder, [file], plugin)
    if plugin.is_interrupted and not gathered.is_broken:
        raise KeyboardInterrupt
    return gathered.outcomes(plugin.exit)


class _Gathered:
    """pytest's reports, one outcome a test: setup, call and teardown together."""

    def __init__(self) -> None:
        self.is_broken = False
        self._verdicts: dict[str, tuple[Verdict, str, float]] = {}

    def __call__(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        name = report.nodeid.partition("::")[2] or THE_CELL
        seconds = getattr(report, "duration", 0.0)
        before = self._verdicts.get(name)
        if report.skipped:
            self._verdicts[name] = ("skipped", pytest_cell.why_skipped(report), seconds)
        elif isinstance(report, pytest.CollectReport):
            self.is_broken = True
            self._verdicts[name] = ("error", pytest_cell.reason(report), seconds)
        elif report.failed:
            verdict: Verdict = "failed" if report.when == "call" else "error"
            told = f"{pytest_cell.failing_line(report)}\n{pytest_cell.reason(report)}".lstrip()
            self._verdicts[name] = (verdict, told, seconds)
        elif report.when == "call" and before is None:
            self._verdicts[name] = ("passed", "", seconds)

    def outcomes(self, ended: str | None) -> list[Outcome]:
        """Those of the tests; ``ended`` says why there were no more of them."""
        told = {**self._verdicts, **({THE_CELL: ("error", ended, 0.0)} if ended else {})}
        return [
            Outcome(name=name, verdict=verdict, reason=reason, seconds=round(seconds, 3))
            for name, (verdict, reason, seconds) in told.items()
        ]
