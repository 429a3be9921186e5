"""What the thread that waits for an answer does meanwhile: the person sits there, and not at the background's loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

Over = Future[str]
"""Done when something need not go on; the result says why, in words."""

# How often a caller who waits looks up. On Windows a wait without a limit cannot be interrupted, and ipykernel's stop
# button does not wake a loop that sleeps: with 7.4 `await asyncio.sleep(20)` ends after 20 s, whenever it is pressed.
LOOK_UP_S = 0.5


class Errand:
    """Something to be done on the caller's thread. ``outcome`` is what came of it; ``over`` makes it pointless."""

    def __init__(self, work: Callable[[], Any], over: Over) -> None:
        self.outcome: Future[Any] = Future()
        self._work = work
        self._over = over

    def perform(self) -> None:
        """Do it, blocking. What has to be awaited gets a thread and a loop of its own: this thread's may be taken."""
        if (rest := self._begun()) is not None:
            threading.Thread(target=asyncio.run, args=(self._awaited(rest),), name="whisperer-ask", daemon=True).start()
            while not wait([self.outcome], LOOK_UP_S).done:
                pass

    async def perform_here(self) -> None:
        """Do it, awaiting on the caller's own loop what has to be awaited."""
        if (rest := self._begun()) is not None:
            await self._awaited(rest)

    def _begun(self) -> Awaitable[Any] | None:
        """Begin it: what remains to be awaited; None where it is done, or nobody wants it any more."""
        if not self.outcome.set_running_or_notify_cancel():
            return None
        try:
            result = self._work()
        except BaseException as error:
            self._failed(error)
            if isinstance(error, Exception):
                return None
            raise
        if inspect.isawaitable(result):
            return result
        self.outcome.set_result(result)
        return None

    async def _awaited(self, rest: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(rest)
        loop = asyncio.get_running_loop()

        def stop(_: Over) -> None:
            with suppress(RuntimeError):  # the loop has been closed, and the task with it
                loop.call_soon_threadsafe(task.cancel)

        self._over.add_done_callback(stop)
        try:
            await asyncio.wait([task])
            self.outcome.set_result(task.result())
        except (Exception, asyncio.CancelledError) as error:
            self._failed(error)
            if not task.done():
                task.cancel()
                raise

    def _failed(self, error: BaseException) -> None:
        # What is no exception would end the loop that waits for the outcome.
        self.outcome.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))


class Errands:
    """Those of one question. The background's loop gives them; the thread that waits for the answer performs them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: deque[Errand | Callable[[], None]] = deque()
        self._coming: Future[None] | None = None

    async def do(self, work: Callable[[], Any], over: Over) -> Any:
        """Have it done: what it returns, or comes to where that can be awaited."""
        errand = Errand(work, over)
        self._give(errand)
        return await asyncio.wrap_future(errand.outcome)

    def post(self, work: Callable[[], None]) -> None:
        """Have it done some time; what it raises is the caller's."""
        self._give(work)

    def coming(self) -> Future[None]:
        """Done as soon as there is something to do."""
        coming: Future[None] = Future()
        with self._lock:
            if self._given:
                coming.set_result(None)
            else:
                self._coming = coming
        return coming

    def perform(self) -> None:
        """Do what there is."""
        while (work := self._next()) is not None:
            if isinstance(work, Errand):
                work.perform()
            else:
                work()

    async def perform_here(self) -> None:
        """Do what there is, on the running loop."""
        while (work := self._next()) is not None:
            if isinstance(work, Errand):
                await work.perform_here()
            else:
                work()

    def _give(self, work: Errand | Callable[[], None]) -> None:
        with self._lock:
            self._given.append(work)
            coming, self._coming = self._coming, None
        # Whoever waited for it may have gone.
        if coming is not None and coming.set_running_or_notify_cancel():
            coming.set_result(None)

    def _next(self) -> Errand | Callable[[], None] | None:
        with self._lock:
            return self._given.popleft() if self._given else None
