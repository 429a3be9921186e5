"""One deadline for a request, which moves from phase to phase."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from whisperer_kernel.errors import ErrorKind


class PhaseClock:
    """Cancels the body of ``async with`` and raises ``TimeoutError`` when a phase lasts too long.

    ``kind`` and ``seconds`` tell which phase it was; a phase without a kind may run out without that being an error.
    Outside the ``async with`` nothing ticks, and moving the deadline has no effect.
    """

    def __init__(self) -> None:
        self.kind: ErrorKind | None = None
        self.seconds = 0.0
        self._timeout: asyncio.Timeout | None = None

    @property
    def expired(self) -> bool:
        """It has cancelled the body, which may still be closing what it had open."""
        return self._timeout is not None and self._timeout.expired()

    def enter(self, kind: ErrorKind | None, seconds: float) -> None:
        """Begin a phase."""
        self.kind, self.seconds = kind, seconds
        self.restart()

    def restart(self) -> None:
        """Begin the phase again: there was a sign of life."""
        self._move(asyncio.get_running_loop().time() + self.seconds)

    def pause(self) -> None:
        """Stop until ``restart``: the waiting is not the other side's."""
        self._move(None)

    def _move(self, when: float | None) -> None:
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(when)

    async def __aenter__(self) -> Self:
        self._timeout = asyncio.timeout(None)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timeout, self._timeout = self._timeout, None
        if timeout is not None:
            await timeout.__aexit__(kind, error, trace)
