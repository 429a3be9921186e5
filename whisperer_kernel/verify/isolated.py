"""Runs tests, or calls whose outcome is to be recorded, in processes of their own, and names what came of each.

A process is given the items one after the other. An item that hangs, or takes its process along, gets its verdict, and
the rest goes on in a new process.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import msgspec

from whisperer_kernel.verify.isolation import places
from whisperer_kernel.verify.isolation.messages import Begun, Ended, Kind, Order, Plan, Recorded
from whisperer_kernel.verify.isolation.process import Gone, Happened, Tampered, Unstartable, conversation, ending
from whisperer_kernel.verify.limits import Limits
from whisperer_kernel.verify.redaction import redactor
from whisperer_kernel.verify.report import Verdict

OUT_OF_MEMORY = "MemoryError"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
T = TypeVar("T")


class Broken(Exception):
    """The code under test cannot even be executed by itself; the message says why."""


class Stopped(Exception):
    """The run was ended from outside: nobody waits for it any more."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one item. ``recorded`` is what the process said of a call at its end."""

    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    recorded: Recorded | None = None


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """The result of every item, in their order. ``wall`` says in words what was around them."""

    results: tuple[Result, ...]
    wall: str = ""

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __getitem__(self, number: int) -> Result:
        return self.results[number]


class Stop:
    """By which a run is ended from another thread: its processes are killed at once, and it raises ``Stopped``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._end: Callable[[], object] | None = None

    def set(self) -> None:
        """End it, or what comes of it if it has not begun."""
        with self._lock:
            self._is_set = True
            if self._end is not None:
                self._end()

    def ends(self, end: Callable[[], object] | None) -> None:
        """What ``set`` is to do from now on."""
        with self._lock:
            self._end = end
            if self._is_set and end is not None:
                end()


def run(kind: Kind, source: str, items: list[str], limits: Limits | None = None, stop: Stop | None = None) -> Ran:
    """What came of every item; ``source`` is the code under test. Blocks. Raises ``Broken``, ``Stopped``."""
    return _on_a_thread(lambda: _in_a_loop(_Run(kind, source, items, limits or Limits()).all(), stop or Stop()))


def _on_a_thread(work: Callable[[], T]) -> T:
    """On one of its own: whoever waits may have an event loop, or be interrupted; what was begun is ended in order."""
    outcome: Future[T] = Future()

    def settle() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            outcome.set_exception(error)

    threading.Thread(target=settle, name="whisperer-run", daemon=True).start()
    return outcome.result()


def _in_a_loop(work: Coroutine[Any, Any, T], stop: Stop) -> T:
    loop = _new_loop()
    try:
        task = loop.create_task(work)
        stop.ends(partial(loop.call_soon_threadsafe, task.cancel))
        return loop.run_until_complete(task)
    except asyncio.CancelledError:
        raise Stopped("The run was stopped.") from None
    finally:
        stop.ends(None)
        loop.close()


def _new_loop() -> asyncio.AbstractEventLoop:
    """Not by the policy, which is the notebook's to set; one that has processes and pipes."""
    kind: type[asyncio.AbstractEventLoop] = getattr(asyncio, "ProactorEventLoop", asyncio.SelectorEventLoop)
    return kind()


class _Run:
    """One run, in as many processes as it takes."""

    def __init__(self, kind: Kind, source: str, items: list[str], limits: Limits) -> None:
        self._order = Order(kind=kind, source=source)
        self._items = dict(enumerate(items))
        self._limits = limits
        self._results: dict[int, Result] = {}
        self._walls: set[str] = set()
        self._redacted = redactor()
        self._hidden, self._needed = places.hidden(), places.needed()

    async def all(self) -> Ran:
        """Every item's result. Raises ``Broken``."""
        deadline = asyncio.get_running_loop().time() + self._limits.all_s
        while self._left and asyncio.get_running_loop().time() < deadline:
            try:
                await self._some(deadline)
            except Unstartable as error:
                raise Broken(self._redacted(str(error))) from None
        late = Result(verdict="timeout", reason=f"not run: all tests together may take {self._limits.all_s:g} s")
        return Ran(
            results=tuple(self._results.get(number, late) for number in self._items),
            wall=" ".join(sorted(self._walls)),
        )

    @property
    def _left(self) -> Mapping[int, str]:
        return {number: item for number, item in self._items.items() if number not in self._results}

    async def _some(self, deadline: float) -> None:
        """As many as one process can do; at least one. Raises ``Unstartable``."""
        async with conversation(self._plan(), self._order, deadline) as process:
            self._walls.add(_in_words(await process.begin()))
            before: int | None = None
            for number, text in self._left.items():
                happened, is_begun = await process.ask(text)
                if before is not None and isinstance(happened.trouble, Gone) and not is_begun:
                    # Whoever had its turn before took the process along.
                    self._results[before] = _crashed(happened.trouble.code, self._results[before].seconds)
                if before is not None and isinstance(happened.trouble, Gone | Tampered):
                    # What another has left behind may have done it: this one is asked again, first and alone.
                    return
                self._results[number] = self._result(happened)
                if happened.trouble is not None:
                    return
                before = number

    def _plan(self) -> Plan:
        folder = Path(os.path.realpath(tempfile.gettempdir())) / f"whisperer-{token_hex(8)}"
        return Plan(folder=str(folder), hidden=self._hidden, needed=self._needed, limits=self._limits)

    def _result(self, happened: Happened) -> Result:
        result = self._verdict(happened)
        told = result.recorded
        if told is not None and told.returns is not None and self._redacted(told.returns) != told.returns:
            told = Recorded(nonce=told.nonce, unstable="its result holds a secret")
        return msgspec.structs.replace(
            result, reason=_visible(self._redacted(result.reason)), seconds=happened.seconds, recorded=told
        )

    def _verdict(self, happened: Happened) -> Result:
        if (crossed := happened.crossed) is not None:
            return Result(verdict=crossed.kind, reason=crossed.what)
        match happened.trouble:
            case Tampered() as error:
                return Result(verdict="tampered", reason=str(error))
            case Gone(code=code):
                return _crashed(code)
            case TimeoutError():
                return Result(verdict="timeout", reason=f"did not end within {self._limits.test_s:g} s")
        match happened.end:
            case Ended() as end:
                return _ended(end)
            case recorded:
                return Result(verdict="passed", recorded=recorded)


def _visible(text: str) -> str:
    """What would steer a terminal stands as an escape."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def _ended(end: Ended) -> Result:
    verdicts: dict[str, Verdict] = {"passed": "passed", "failed": "failed", "skipped": "skipped"}
    if end.outcome == "nothing":
        return Result(verdict="error", reason=end.reason or "pytest finds no test in it")
    if end.outcome in {"failed", "error"} and OUT_OF_MEMORY in end.reason[:200].split("\n")[0]:
        return Result(verdict="memory", reason=end.reason)
    return Result(verdict=verdicts.get(end.outcome, "error"), reason=end.reason)


def _crashed(code: int | None, seconds: float = 0.0) -> Result:
    if code is None:
        return Result(verdict="tampered", reason=ending(code), seconds=seconds)
    return Result(verdict="crashed", reason=f"ended the process it ran in ({ending(code)})", seconds=seconds)


def _in_words(begun: Begun) -> str:
    if begun.walled:
        return "Tests ran behind a wall: no network, no other process, nothing to write to but a folder of their own."
    return (
        f"Tests ran without a wall ({begun.why}): what Python itself does outside their folder was refused, "
        "code that calls the C library directly would not have been."
    )
