"""``python -m whisperer_kernel.verify.isolation.launcher <plan>``: runs tests behind a wall, or without one.

It stands between the kernel and the process that runs tests, and no code of the model's runs in it. It ends them all
and removes their folder when the run is over, when the kernel lets go of its standard input or is gone, or when
everything takes longer than it may. Its own end is theirs: the same exit code, the same signal.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import msgspec

from whisperer_kernel.verify import limits
from whisperer_kernel.verify.isolation import worker
from whisperer_kernel.verify.isolation.forks import end_all, fork
from whisperer_kernel.verify.isolation.messages import Begun, Plan, encoded

FILES = 1_024
"""No descriptor of this process is higher."""

SPARE_S = 10.0
"""How much longer than the kernel's own clock everything may take: it holds where the kernel hangs."""


def main(plan: Plan) -> int:
    """Carry the plan out; the exit code, or minus the signal, of the process that ran tests."""
    orders, telling = os.dup(0), os.dup(1)
    with open(os.devnull, "r+b", buffering=0) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 1)
    Path(plan.folder).mkdir(mode=0o700)
    if not hasattr(os, "fork"):
        # The kernel removes the folder.
        os.write(telling, encoded(Begun(walled=False, why="this system has no namespaces")))
        return worker.work(plan, orders, telling)
    try:
        return Launcher(plan, orders, telling).run()
    finally:
        shutil.rmtree(plan.folder, ignore_errors=True)


class Launcher:
    """Starts, waits, ends. Has one thread, since Linux gives a process with several no namespaces."""

    def __init__(self, plan: Plan, orders: int, telling: int) -> None:
        self._plan = plan
        self._orders = orders
        self._telling = telling
        self._threads = limits.threads_of_user()
        self._deadline = time.monotonic() + plan.limits.all_s + SPARE_S
        self._woken, waking = os.pipe()
        for end in (waking, self._woken):
            os.set_blocking(end, False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(waking)
        _outlive_nobody()

    def run(self) -> int:
        """See ``main``."""
        why = "this system has no namespaces"
        if sys.platform == "linux":
            status, why = self._walled()
            if status is not None:
                return os.waitstatus_to_exitcode(status)
        os.write(self._telling, encoded(Begun(walled=False, why=why)))
        return os.waitstatus_to_exitcode(self._ended(fork(self._work)))

    def _walled(self) -> tuple[int | None, str]:
        """The wait status of the process behind the wall; or None, and why there is no wall."""
        reading, writing = os.pipe()
        child = fork(partial(self._outside, writing))
        os.close(writing)
        self._ended(child)
        with open(reading, encoding="utf-8") as fate:  # noqa: PTH123 - a descriptor
            what, *status = fate.read().splitlines() or ["it was ended while the wall was built"]
        if what != "stands":
            return None, what
        # One that was ended from outside could not say how.
        return (int(status[0]) if status else signal.SIGKILL), ""

    def _outside(self, fate: int) -> int:
        """The process that leaves the namespaces, whose only child is the first behind the wall."""
        from whisperer_kernel.verify.isolation import wall  # noqa: PLC0415 - Linux alone has it

        try:
            wall.leave()
        except (OSError, AttributeError) as error:
            return _say(fate, _why(error))
        first = fork(partial(self._first, fate))
        os.close(fate)
        os.waitpid(first, 0)
        return 0

    def _first(self, fate: int) -> int:
        from whisperer_kernel.verify.isolation import wall  # noqa: PLC0415 - Linux alone has it

        try:
            wall.build(self._plan)
        except (OSError, AttributeError) as error:
            return _say(fate, _why(error))
        _say(fate, "stands")
        os.write(self._telling, encoded(Begun(walled=True)))
        return _say(fate, str(wall.guard(self._work)))

    def _work(self) -> int:
        """What the process that runs tests does. It has nothing of ours but the pipes that it needs."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        kept = (2, *sorted((self._orders, self._telling)), FILES)
        for before, after in pairwise(kept):
            os.closerange(before + 1, after)
        return worker.work(self._plan, self._orders, self._telling, self._threads)

    def _ended(self, child: int) -> int:
        """The child's wait status, when it has ended or was ended; none of its own is left then."""
        poll = select.poll()
        # Nothing is read here: that the other end was closed is told all the same.
        poll.register(0, 0)
        poll.register(self._woken, select.POLLIN)
        status = None
        while status is None and (left := self._deadline - time.monotonic()) > 0:
            ready = {file for file, _ in poll.poll(left * 1_000)}
            gone, ended = os.waitpid(child, os.WNOHANG)
            if gone:
                status = ended
            elif 0 in ready or signal.SIGTERM in _signals(self._woken):
                break
        end_all(child if status is None else None)
        return signal.SIGKILL if status is None else status


def _signals(woken: int) -> bytes:
    try:
        return os.read(woken, 1_024)
    except BlockingIOError:
        return b""


def _why(error: OSError | AttributeError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)


def _say(fate: int, words: str) -> int:
    os.write(fate, f"{words}\n".encode())
    return 0


def _outlive_nobody() -> None:
    """Be told when the kernel's thread that started this is gone, and be left what its children leave. Linux alone."""
    if sys.platform == "linux":
        from whisperer_kernel.verify.isolation import libc  # noqa: PLC0415 - Linux alone has it

        with suppress(OSError, AttributeError):
            libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGTERM)
            libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)


def _end_alike(code: int) -> None:
    """Exit as the process that ran tests did."""
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    _end_alike(main(msgspec.json.decode(sys.argv[1], type=Plan)))
