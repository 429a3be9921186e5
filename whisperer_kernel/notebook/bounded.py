"""Work on a thread of its own with a limit in time: what hangs is given up, and the caller goes on."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class GivenUpError(BaseException):
    """Raised inside a thread that took too long. No ``Exception``: the code that hangs must not catch it."""


async def in_thread(work: Callable[[], T], limit_s: float, end: Callable[[], None] | None = None) -> T:
    """The outcome of ``work``. Raises ``TimeoutError`` after ``limit_s`` seconds.

    Work that is given up, by its limit or by whoever waits for it, is ended by ``end``; where there is none, its thread
    is interrupted where it runs Python code. One that hangs in C goes on until the process ends, which it does not hold
    up.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            _settle(loop, future, error=error)
        else:
            _settle(loop, future, result=result)

    thread = threading.Thread(target=run, name="whisperer-look", daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(limit_s):
            return await future
    except (TimeoutError, asyncio.CancelledError):
        if end is not None:
            end()
        else:
            _interrupt(thread)
        raise


def _settle(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[T],
    *,
    result: T | None = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T is None
        else:
            # What is no exception for a future would end the loop.
            future.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        # The loop has been closed; nobody waits.
        return


def _interrupt(thread: threading.Thread) -> None:
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(GivenUpError))
