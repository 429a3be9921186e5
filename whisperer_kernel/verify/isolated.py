"""Runs tests, or calls whose outcome is to be recorded, in processes of their own, and names what came of each.

A process runs the items one after the other. An item that hangs, or takes its process along, gets its verdict, and the
rest goes on in a new process. Blocks; call it on a thread.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from whisperer_kernel.verify.child import ORDER, SOURCE, TOLD, Order
from whisperer_kernel.verify.environment import bare_environment
from whisperer_kernel.verify.limits import Limits
from whisperer_kernel.verify.report import Verdict

LOOK_S = 0.01
OUT_OF_MEMORY = "MemoryError"


class Broken(Exception):
    """The code under test cannot even be executed by itself; the message says why."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one item. ``told`` is what the process said of it at its end (the outcome of a call)."""

    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    told: dict[str, Any] = {}


def run(kind: Literal["tests", "calls"], source: str, items: list[str], limits: Limits | None = None) -> list[Result]:
    """The outcome of every item, in their order; ``source`` is the code under test. Raises ``Broken``."""
    bounds = limits or Limits()
    results: dict[int, Result] = {}
    deadline = time.monotonic() + bounds.all_s
    while len(results) < len(items):
        left = {number: item for number, item in enumerate(items) if number not in results}
        if time.monotonic() > deadline:
            late = Result(verdict="timeout", reason=f"not run: all tests together may take {bounds.all_s:g} s")
            return [results.get(number, late) for number in range(len(items))]
        folder = Path(tempfile.mkdtemp(prefix="whisperer-"))
        try:
            results |= _Process(folder, kind, source, left, bounds, deadline).results()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return [results[number] for number in range(len(items))]


class _Process:
    """One process, from its start to its end or ours."""

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place
        self,
        folder: Path,
        kind: Literal["tests", "calls"],
        source: str,
        items: Mapping[int, str],
        limits: Limits,
        deadline: float,
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._deadline = deadline
        self._read = 0
        self._told: list[dict[str, Any]] = []
        self._since = time.monotonic()
        self._late: Verdict | None = None
        (folder / f"{SOURCE}.py").write_text(source, encoding="utf-8", errors="surrogatepass")
        named = {number: self._written(kind, number, item) for number, item in items.items()}
        order = Order(kind=kind, items=named, limits=limits)
        (folder / ORDER).write_bytes(msgspec.json.encode(order))

    def results(self) -> dict[int, Result]:
        """At least one item's result. Raises ``Broken``."""
        process = subprocess.Popen(  # noqa: S603 - this very interpreter, and a module of ours
            [sys.executable, "-P", "-m", "whisperer_kernel.verify.child", str(self._folder)],
            cwd=self._folder,
            env=bare_environment(self._folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._watch(process)
        finally:
            _kill(process)
        self._listen()
        return self._summed(process.returncode)

    def _written(self, kind: str, number: int, item: str) -> str:
        if kind == "calls":
            return item
        name = f"test_{number:03}.py"
        (self._folder / name).write_text(item, encoding="utf-8", errors="surrogatepass")
        return name

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Until it ends, or takes too long."""
        while process.poll() is None:
            self._listen()
            started = any("ready" in told for told in self._told)
            patience = self._limits.test_s if started else self._limits.start_s
            now = time.monotonic()
            if now - self._since > patience or now > self._deadline:
                self._late = "timeout"
                return
            time.sleep(LOOK_S)

    def _listen(self) -> None:
        """Take in what it has told since the last time; a line it is still writing waits."""
        try:
            with (self._folder / TOLD).open("rb") as file:
                file.seek(self._read)
                data = file.read(1 << 20)
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._told.append(_decoded(line))
            self._since = time.monotonic()

    def _summed(self, code: int) -> dict[int, Result]:
        broken = next((told["broken"] for told in self._told if "broken" in told), None)
        if broken is not None:
            raise Broken(f"The code under test cannot be executed by itself: {broken}")
        results = {told["end"]: _result(told, self._reports(told["end"])) for told in self._told if "end" in told}
        begun = [told["start"] for told in self._told if "start" in told and told["start"] not in results]
        if begun:
            cut_off = self._cut_off(code, self._reports(begun[-1]))
            # Those before it may have spoilt the process: it is run again, as the first in one of its own.
            if cut_off.verdict != "crashed" or not results:
                results[begun[-1]] = cut_off
        if not results:
            raise Broken(self._never_started(code))
        return results

    def _reports(self, number: int) -> list[dict[str, Any]]:
        return [told for told in self._told if told.get("report") == number]

    def _cut_off(self, code: int, reports: list[dict[str, Any]]) -> Result:
        """The item during which the process ended."""
        crossed = [words for report in reports for words in report["crossed"]]
        if crossed:
            return _forbidden(crossed[0])
        if self._late is not None:
            return Result(
                verdict="timeout", reason=f"did not end within {self._limits.test_s:g} s", seconds=self._limits.test_s
            )
        return Result(verdict="crashed", reason=f"ended the process it ran in ({_ending(code)})")

    def _never_started(self, code: int) -> str:
        if self._late is not None:
            return f"The code under test did not load within {self._limits.start_s:g} s."
        return f"The isolated process ended before it could run anything ({_ending(code)})."


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        # A test that writes here says nothing that counts.
        return {}
    return found


def _result(end: dict[str, Any], reports: list[dict[str, Any]]) -> Result:
    if "code" not in end:
        return Result(verdict="passed", told=end)
    seconds = round(end["seconds"], 3)
    crossed = [words for report in reports for words in report["crossed"]]
    if crossed:
        return msgspec.structs.replace(_forbidden(crossed[0]), seconds=seconds)
    bad = next((report for report in reports if report["outcome"] == "failed"), None)
    if bad is not None:
        return Result(verdict=_verdict(bad), reason=bad["reason"], seconds=seconds)
    skipped = next((report for report in reports if report["outcome"] == "skipped"), None)
    if skipped is not None:
        return Result(
            verdict="skipped", reason=skipped["reason"] or "expected to fail, and counts for nothing", seconds=seconds
        )
    if not any(report["outcome"] == "passed" for report in reports):
        return Result(verdict="error", reason="pytest finds no test in it", seconds=seconds)
    return Result(verdict="passed", seconds=seconds)


def _verdict(report: dict[str, Any]) -> Verdict:
    if OUT_OF_MEMORY in report["reason"][:200].split("\n")[0]:
        return "memory"
    return "failed" if report["phase"] == "call" else "error"


def _forbidden(words: str) -> Result:
    kinds: tuple[Verdict, ...] = ("forbidden write", "forbidden network", "forbidden process")
    return Result(verdict=next(kind for kind in kinds if words.startswith(kind)), reason=words.partition(": ")[2])


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    """It and all that it has started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
