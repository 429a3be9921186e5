"""Who is connected to a session and is shown its events, in order and none twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from whisperer_kernel.sessions.clients import ClientTools


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
    def page(self) -> str:
        """The page in a browser that it comes from; empty where that does not matter."""
        ...

    def send(self, frame: str, *, is_text: bool = False) -> None:
        """Take a frame; ``is_text``: new text of a turn that runs. Must not block."""
        ...

    def hang_up(self) -> None:
        """End it: what comes next does not join on to what it has seen, and it has to resume."""
        ...


class Subscribers:
    """One session's, each with the number of the last event that it has seen."""

    def __init__(self, clients: ClientTools) -> None:
        self._last: dict[Subscriber, int] = {}
        self._clients = clients

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def add(self, subscriber: Subscriber, last: int) -> None:
        """Show it every event after ``last``."""
        self._last[subscriber] = last
        self._clients.came(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Show it no more."""
        self._last.pop(subscriber, None)
        self._clients.gone(subscriber)

    def hand_over(self) -> dict[Subscriber, int]:
        """All of them with what they have seen last; what they carry out is still known. None is shown more here."""
        handed, self._last = self._last, {}
        return handed

    def publish(self, seq: int, frame: str, *, is_text: bool) -> None:
        """Show an event to everybody who has not seen it."""
        for subscriber, last in list(self._last.items()):
            if seq == last + 1:
                self._last[subscriber] = seq
                subscriber.send(frame, is_text=is_text)
            elif seq > last:
                # A crash lies between, or another server's turn: only a snapshot brings it on.
                self.remove(subscriber)
                subscriber.hang_up()
