"""An event loop on a thread of its own: what it carries goes on while a cell blocks, and serves scripts as well."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import Any, TypeVar

from whisperer_kernel.notebook.errands import LOOK_UP_S, Errands

T = TypeVar("T")

CLOSING_S = 2.0


class Background:
    """The loop and its thread, which is started at once and ends with ``close`` or with the process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.at_close: Callable[[], Awaitable[None]] | None = None
        self._thread = threading.Thread(target=self._run, name="whisperer", daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run it on the loop. To cancel the future is to cancel it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def run(self, coroutine: Coroutine[Any, Any, T], errands: Errands | None = None) -> T:
        """Run it on the loop and await it on the caller's, with the errands it gives; a cancelled caller cancels it."""
        errands = errands or Errands()
        future = asyncio.wrap_future(self.submit(coroutine))
        coming = asyncio.wrap_future(errands.coming())
        try:
            while not future.done():
                waited_for: list[asyncio.Future[Any]] = [future, coming]
                await asyncio.wait(waited_for, timeout=LOOK_UP_S, return_when=FIRST_COMPLETED)
                if coming.done():
                    await errands.perform_here()
                    coming = asyncio.wrap_future(errands.coming())
            await errands.perform_here()
            return future.result()
        finally:
            future.cancel()
            coming.cancel()

    def wait(self, coroutine: Coroutine[Any, Any, T], errands: Errands | None = None) -> T:
        """Run it on the loop and block until it is done, doing the errands it gives; Ctrl-C cancels it."""
        errands = errands or Errands()
        future, coming = self.submit(coroutine), errands.coming()
        try:
            while not future.done():
                waited_for: list[Future[Any]] = [future, coming]
                wait(waited_for, LOOK_UP_S, FIRST_COMPLETED)
                if coming.done():
                    errands.perform()
                    coming = errands.coming()
            errands.perform()
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Close what runs here, within ``CLOSING_S`` seconds, and end the thread."""
        if self.pid != os.getpid() or not self._thread.is_alive():
            return
        with suppress(Exception):
            self.submit(self._closed()).result(CLOSING_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CLOSING_S)

    async def _closed(self) -> None:
        if self.at_close is not None:
            await self.at_close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            _cancel_all(self.loop)
        finally:
            self.loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=CLOSING_S))


class _OfThisProcess:
    """The one background there is; a forked child makes its own, since threads do not survive a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._background: Background | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    def get(self) -> Background:
        with self._lock:
            if self._background is None:
                self._background = Background()
            return self._background

    def close(self) -> None:
        with self._lock:
            background, self._background = self._background, None
        if background is not None:
            background.close()

    def _forget(self) -> None:
        # The lock may have been held when the parent forked.
        self._lock = threading.Lock()
        self._background = None


_of_this_process = _OfThisProcess()
background = _of_this_process.get
close_background = _of_this_process.close
