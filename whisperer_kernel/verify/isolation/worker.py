"""The process that runs tests: it is given the code under test, then one item after the other, and tells of each.

Tests run in this very process, so whoever wants to can tell lies about his own. What it says is believed no further.
"""

from __future__ import annotations

import importlib.util
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import msgspec

from whisperer_kernel.verify import limits
from whisperer_kernel.verify.isolation import guard, messages
from whisperer_kernel.verify.isolation.messages import Crossing, Item, Order, Plan
from whisperer_kernel.verify.isolation.recording import recorded

SOURCE = "notebook_code"
MAX_REASON = 6_000
MAX_WAITING = 4

Tell = Callable[[msgspec.Struct], None]


def work(plan: Plan, orders: int, telling: int, threads: int = 0) -> int:
    """Carry out what comes in at ``orders``, a descriptor, and tell of it at ``telling``."""
    lines = _lines(orders)
    order = msgspec.json.decode(next(lines), type=Order)
    tell = teller(telling)
    folder = Path(plan.folder)
    os.chdir(folder)
    if order.kind == "tests":
        # Before the limits: what is loaded does not count against a test.
        import whisperer_kernel.verify.pytest_cell  # noqa: F401, PLC0415
    limits.apply(plan.limits, threads)
    under_way = _UnderWay(tell)
    guard.install(plan, under_way.crossed)
    try:
        names = vars(_source(folder, order.source))
    except BaseException as error:  # noqa: BLE001 - whatever the notebook's code does when it is executed
        tell(messages.Unloadable(words=_bounded(f"{type(error).__name__}: {error}")))
        return 1
    tell(messages.Loaded())
    for number, line in enumerate(lines):
        item = msgspec.json.decode(line, type=Item)
        under_way.take(item.nonce)
        if order.kind == "calls":
            tell(_recorded(item, names))
        else:
            tell(_tested(item, folder, f"test_{number:03}.py", names))
    return 0


def teller(file: int) -> Tell:
    """What tells of each step: every line whole, and whatever a test does to the standard streams or to ``os``."""
    write, lock, encode = os.write, threading.Lock(), messages.encoded

    def tell(what: msgspec.Struct) -> None:
        line = encode(what)
        with lock:
            while line:
                line = line[write(file, line) :]

    return tell


class _UnderWay:
    """The item that is carried out now; of what it must not do the first is told."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._nonce: str | None = None
        self._has_crossed = False

    def take(self, nonce: str) -> None:
        self._nonce, self._has_crossed = nonce, False
        self._tell(messages.Taken(nonce=nonce))

    def crossed(self, kind: Crossing, what: str) -> None:
        if self._nonce is not None and not self._has_crossed:
            self._has_crossed = True
            self._tell(messages.Crossed(nonce=self._nonce, kind=kind, what=_bounded(what)))


class Recorder:
    """Sums up pytest's reports of a file: the worst that happened in it."""

    def __init__(self) -> None:
        self.outcome: Literal["passed", "failed", "error", "skipped", "nothing"] = "nothing"
        self.reason = ""

    def __call__(self, report: Any) -> None:
        """Take a report in."""
        from whisperer_kernel.verify import pytest_cell  # noqa: PLC0415 - pytest is loaded by now

        if self.outcome in {"failed", "error"}:
            return
        if report.failed:
            self.outcome = "failed" if getattr(report, "when", "collect") == "call" else "error"
            self.reason = pytest_cell.reason(report)
        elif report.skipped or hasattr(report, "wasxfail"):
            self.outcome, self.reason = "skipped", pytest_cell.why_skipped(report)
        elif self.outcome == "nothing" and getattr(report, "when", "collect") == "call":
            self.outcome = "passed"


def _tested(item: Item, folder: Path, name: str, names: Mapping[str, Any]) -> messages.Ended:
    from whisperer_kernel.verify import pytest_cell  # noqa: PLC0415 - only where it is needed

    file = folder / name
    file.write_text(item.text, encoding="utf-8", errors="surrogatepass")
    record = Recorder()
    plugin = pytest_cell.Plugin(names, record)
    pytest_cell.run(folder, [file], plugin)
    if plugin.exit is not None or plugin.is_interrupted:
        return messages.Ended(nonce=item.nonce, outcome="error", reason=_bounded(plugin.exit or "KeyboardInterrupt"))
    return messages.Ended(nonce=item.nonce, outcome=record.outcome, reason=_bounded(record.reason))


def _recorded(item: Item, names: Mapping[str, Any]) -> messages.Recorded:
    try:
        return messages.Recorded(nonce=item.nonce, **recorded(item.text, names))
    except (Exception, guard.ForbiddenError, SystemExit) as error:  # noqa: BLE001 - the outcome is what it raises
        return messages.Recorded(nonce=item.nonce, raises=type(error).__name__, reason=_bounded(str(error)[:500]))


def _source(folder: Path, source: str) -> ModuleType:
    """The code under test, as the module that it was written in."""
    file = folder / f"{SOURCE}.py"
    file.write_text(source, encoding="utf-8", errors="surrogatepass")
    spec = importlib.util.spec_from_file_location("__main__", file)
    assert spec is not None  # noqa: S101 - a path ending in .py has a loader
    assert spec.loader is not None  # noqa: S101 - the same
    module = importlib.util.module_from_spec(spec)
    # Pickles, dataclasses and `from __main__ import f` find it as they do in the kernel.
    sys.modules["__main__"] = sys.modules[SOURCE] = module
    spec.loader.exec_module(module)
    return module


def _lines(orders: int) -> Iterator[bytes]:
    """The lines that come in. With their end this process ends, whatever it is doing."""
    waiting: queue.Queue[bytes] = queue.Queue(MAX_WAITING)

    def read() -> None:
        with open(orders, "rb") as file:
            for line in file:
                waiting.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    with open(os.devnull, "rb", buffering=0) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    while True:
        yield waiting.get()


def _bounded(words: str) -> str:
    """As it can be told: no longer than it may be, and with no half characters."""
    return words[:MAX_REASON].encode(errors="backslashreplace").decode()
