"""Work on a thread of its own, which can be given up: what hangs does not hold up the caller."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


class GivenUpError(BaseException):
    """Raised inside a thread that is given up. No ``Exception``: the code that hangs must not catch it."""


def begin(work: Callable[[], T]) -> tuple[threading.Thread, Future[T]]:
    """Begin ``work`` on a thread of its own, in the caller's context; the thread, and what the work comes to."""
    outcome: Future[T] = Future()
    # From now on it cannot be cancelled, so that there is somebody to tell.
    outcome.set_running_or_notify_cancel()
    context = copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - it is theirs who wait for the outcome
            # What is no exception for a future would end the loop that waits for it. Done already: given up too late.
            if not outcome.done():
                outcome.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))

    thread = threading.Thread(target=run, name="whisperer-look", daemon=True)
    thread.start()
    return thread, outcome


def give_up(thread: threading.Thread) -> None:
    """Interrupt a thread where it runs Python code; one that hangs in C goes on, and does not hold up the process."""
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(GivenUpError))


async def in_thread(work: Callable[[], T], limit_s: float, end: Callable[[], None] | None = None) -> T:
    """The outcome of ``work`` on a thread of its own. Raises ``TimeoutError`` after ``limit_s`` seconds.

    Work that is given up, by its limit or by whoever waits for it, is ended by ``end``; where there is none, its thread
    is given up.
    """
    thread, outcome = begin(work)
    try:
        async with asyncio.timeout(limit_s):
            return await asyncio.wrap_future(outcome)
    except (TimeoutError, asyncio.CancelledError):
        if end is not None:
            end()
        else:
            give_up(thread)
        raise
