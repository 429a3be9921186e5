"""The isolated process: ``python -m whisperer_kernel.verify.child <folder>`` runs what ``order.json`` there says.

It tells of each step in ``told.jsonl``: ``{"start": n}``, then ``{"end": n, …}``. Whoever started it watches the clock.
It ends with its standard input, so that none is left over.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import msgspec

from whisperer_kernel.verify.guard import ForbiddenError, Guard
from whisperer_kernel.verify.limits import Limits, apply
from whisperer_kernel.verify.recording import recorded

SOURCE = "notebook_code"
ORDER, TOLD = "order.json", "told.jsonl"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """``items`` by number: files of tests, or calls whose outcome is to be recorded."""

    kind: Literal["tests", "calls"]
    items: dict[int, str]
    limits: Limits


class Teller:
    """Writes what happens, each line whole, past whatever a test does to the standard streams."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, **what: Any) -> None:
        """One line."""
        os.write(self._fd, msgspec.json.encode(what) + b"\n")


class Recorder:
    """Sums up pytest's reports of each file: the worst that happened in it."""

    def __init__(self, numbers: Mapping[str, int], guard: Guard, tell: Teller) -> None:
        self._numbers = numbers
        self._guard = guard
        self._tell = tell

    def __call__(self, report: Any) -> None:
        """Pass a report on."""
        from whisperer_kernel.verify.pytest_cell import reason  # noqa: PLC0415 - pytest is loaded by now

        number = self._numbers.get(Path(report.nodeid.partition("::")[0]).name)
        if number is None:
            return
        outcome = report.outcome
        phase = getattr(report, "when", "collect")
        if outcome == "passed" and (phase != "call" or hasattr(report, "wasxfail")):
            outcome = "skipped" if hasattr(report, "wasxfail") else ""
        words = "" if report.passed else reason(report)
        crossed = [str(error) for error in self._guard.crossed]
        self._guard.crossed.clear()
        self._tell(report=number, phase=phase, outcome=outcome, reason=words, crossed=crossed)


def main(folder: Path) -> int:
    """Carry the order out."""
    order = msgspec.json.decode((folder / ORDER).read_bytes(), type=Order)
    tell = Teller(folder / TOLD)
    threading.Thread(target=_end_with_input, daemon=True).start()
    # Before the limits: what is loaded does not count against a test.
    if order.kind == "tests":
        import whisperer_kernel.verify.pytest_cell  # noqa: F401, PLC0415
    guard = Guard(str(folder))
    apply(order.limits)
    guard.install()
    try:
        names = vars(_source(folder))
    except BaseException as error:  # noqa: BLE001 - whatever the notebook's code does when it is executed
        tell(broken=f"{type(error).__name__}: {error}"[:1_000])
        return 1
    guard.crossed.clear()
    tell(ready=True)
    if order.kind == "calls":
        _record(order.items, names, tell)
    else:
        _test(folder, order.items, names, guard, tell)
    return 0


def _source(folder: Path) -> ModuleType:
    """The code under test, as the module that it was written in."""
    spec = importlib.util.spec_from_file_location("__main__", folder / f"{SOURCE}.py")
    assert spec is not None  # noqa: S101 - a path ending in .py has a loader
    assert spec.loader is not None  # noqa: S101 - the same
    module = importlib.util.module_from_spec(spec)
    # Pickles, dataclasses and `from __main__ import f` find it as they do in the kernel.
    sys.modules["__main__"] = sys.modules[SOURCE] = module
    spec.loader.exec_module(module)
    return module


def _test(folder: Path, items: Mapping[int, str], names: Mapping[str, Any], guard: Guard, tell: Teller) -> None:
    from whisperer_kernel.verify import pytest_cell  # noqa: PLC0415 - only where it is needed

    numbers = {name: number for number, name in items.items()}
    record = Recorder(numbers, guard, tell)
    for name, number in numbers.items():
        tell(start=number)
        began = time.monotonic()
        code = pytest_cell.run(folder, [folder / name], [pytest_cell.Plugin(names, record)])
        tell(end=number, code=code, seconds=time.monotonic() - began)


def _record(items: Mapping[int, str], names: Mapping[str, Any], tell: Teller) -> None:
    for number, call in items.items():
        tell(start=number)
        try:
            outcome = recorded(call, names)
        except (Exception, ForbiddenError, SystemExit) as error:  # noqa: BLE001 - the outcome is what it raises
            outcome = {"raises": type(error).__name__, "reason": str(error)[:500]}
        tell(end=number, **outcome)


def _end_with_input() -> None:
    try:
        while os.read(0, 1):
            pass
    except OSError:
        # A test has closed it; the clock outside still holds.
        return
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
