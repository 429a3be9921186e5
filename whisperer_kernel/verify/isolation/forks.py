"""Children by fork, and the end of all of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def fork(work: Callable[[], int]) -> int:
    """The id of a child that does ``work``, and nothing else of what its parent would. It must have one thread."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = work()
    finally:
        os._exit(code)


def end_all(child: int | None) -> None:
    """End a child, if it has not ended, and what has been left to this process by its own; until there is none."""
    if child is not None:
        os.kill(child, signal.SIGKILL)
    while True:
        for left in _children():
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """This process's children, where Linux lists them."""
    try:
        return [int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []
