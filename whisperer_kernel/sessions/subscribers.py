"""Who is connected to a session and is shown its events, in order and none twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from whisperer_kernel.events import Entry, is_text
from whisperer_kernel.sessions.clients import ClientTools

SLICE, SLICE_CHARS = 32, 65_536
"""The most that one connection is brought up by before everybody else has the loop: events, and what they come to."""


class Subscriber(Protocol):
    """A connection that is shown a session's events."""

    @property
    def client_id(self) -> str:
        """The id by which events name this connection."""
        ...

    @property
    def keeps_alive(self) -> bool:
        """Whether the session stays in memory for it; a kernel's own connection does not count."""
        ...

    @property
    def shows_questions(self) -> bool:
        """Whether a person sees there what is asked, and can answer."""
        ...

    @property
    def answers_own(self) -> bool:
        """Whether it may answer what a turn of its own asks."""
        ...

    @property
    def page(self) -> str:
        """The page in a browser, or the process, that it comes from; empty where that does not matter."""
        ...

    @property
    def front_end(self) -> str | None:
        """The notebook in a page whose cells it owns; see ``ToolClient``."""
        ...

    def send(self, frame: str, *, is_text: bool = False) -> None:
        """Take a frame; ``is_text``: new text of a turn that runs. Must not block."""
        ...

    async def ready(self) -> None:
        """Wait until it has taken what it was sent."""
        ...

    def hang_up(self) -> None:
        """End it: what comes next does not join on to what it has seen, and it has to resume."""
        ...


class Subscribers:
    """One session's, each with the number of the last event that it has seen.

    Who has missed events is brought up slice by slice, from what the log keeps (``since``: the next entries after a
    number, None where they are not all kept), as ``frame`` words them. Slices of all sessions are taken one at a time
    (``slicing``), so that however many long sessions are resumed, nobody else is kept waiting.
    """

    def __init__(
        self,
        clients: ClientTools,
        since: Callable[[int, int], Sequence[Entry] | None],
        frame: Callable[[Entry], str],
        slicing: asyncio.Lock,
    ) -> None:
        self._last: dict[Subscriber, int] = {}
        self._behind: dict[Subscriber, asyncio.Task[None]] = {}
        self._clients = clients
        self._since = since
        self._frame = frame
        self._slicing = slicing

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    @property
    def keep_alive(self) -> bool:
        """Whether one is there for which the session stays in memory."""
        return any(subscriber.keeps_alive for subscriber in self._last)

    def add(self, subscriber: Subscriber, last: int) -> None:
        """Show it every event to come after ``last``, which is the newest."""
        self._last[subscriber] = last
        self._clients.came(subscriber)

    def bring_up(self, subscriber: Subscriber, last: int) -> None:
        """Show it every event after ``last``: those that there are as fast as it takes them, then what comes."""
        self.add(subscriber, last)
        if subscriber not in self._behind:
            self._behind[subscriber] = asyncio.get_running_loop().create_task(self._replay(subscriber))

    def remove(self, subscriber: Subscriber) -> None:
        """Show it no more."""
        self._last.pop(subscriber, None)
        self._clients.gone(subscriber)

    def hand_over(self) -> dict[Subscriber, int]:
        """All of them with what they have seen last; what they carry out is still known. None is shown more here."""
        handed, self._last = self._last, {}
        return handed

    def publish(self, entry: Entry) -> None:
        """Show an event to everybody who has not seen it; who is being brought up comes to it by and by."""
        ahead = [(each, last) for each, last in self._last.items() if each not in self._behind and entry.seq > last]
        frame = self._frame(entry) if ahead else ""
        for subscriber, last in ahead:
            if entry.seq == last + 1:
                self._last[subscriber] = entry.seq
                subscriber.send(frame, is_text=is_text(entry.event))
            else:
                # A crash lies between, or another server's turn: only a snapshot brings it on.
                self._let_go(subscriber)

    async def _replay(self, subscriber: Subscriber) -> None:
        try:
            while await self._slice(subscriber):
                await subscriber.ready()
        finally:
            del self._behind[subscriber]

    async def _slice(self, subscriber: Subscriber) -> bool:
        """Show it the next events. False: there are none (any more), and nothing may wait before it counts as up."""
        async with self._slicing:
            if (last := self._last.get(subscriber)) is None:
                return False
            missed = self._since(last, SLICE)
            if missed is None:
                self._let_go(subscriber)
            if not missed:
                return False
            room = SLICE_CHARS
            for entry in missed:
                frame = self._frame(entry)
                self._last[subscriber] = entry.seq
                subscriber.send(frame)
                room -= len(frame)
                if room <= 0:
                    break
            await asyncio.sleep(0)
        return True

    def _let_go(self, subscriber: Subscriber) -> None:
        self.remove(subscriber)
        subscriber.hang_up()
