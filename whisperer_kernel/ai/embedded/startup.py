"""Something that takes long to start, for everyone who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

from whisperer_kernel.errors import ProviderError
from whisperer_kernel.events import ProviderStatus

T = TypeVar("T")

SHOWN_EVERY_S = 0.2


class Startup(Generic[T]):
    """Starts at once. ``follow`` shows how it goes; when the last follower has left, it is given up."""

    def __init__(self, start: Callable[[Callable[[ProviderStatus], None]], Awaitable[T]]) -> None:
        self._latest: ProviderStatus | None = None
        self._followers = 0
        self._task = asyncio.ensure_future(start(self._report))

    @property
    def over(self) -> bool:
        """It has ended, well or not."""
        return self._task.done()

    async def follow(self) -> AsyncGenerator[ProviderStatus, None]:
        """Each news, until it has started. Raises what starting raised."""
        self._followers += 1
        shown: ProviderStatus | None = None
        try:
            while not self._task.done():
                await asyncio.wait({self._task}, timeout=SHOWN_EVERY_S)
                if self._latest is not None and self._latest is not shown:
                    shown = self._latest
                    yield shown
            if self._task.cancelled():
                raise ProviderError("unavailable", "The start was given up. Send the message again.")
            self._task.result()
        finally:
            self._followers -= 1
            if self._followers == 0:
                await self.cancel()

    async def cancel(self) -> None:
        """Give it up, and wait until everything is put away."""
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()  # nobody is left to be told

    def _report(self, status: ProviderStatus) -> None:
        self._latest = status
