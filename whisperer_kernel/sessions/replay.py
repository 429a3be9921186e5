"""The last events of a session: whoever has missed some is brought up from here, one by one."""

from __future__ import annotations

from collections import deque
from itertools import islice

from whisperer_kernel.events import Entry


class ReplayWindow:
    """The newest entries of a log, ``size`` of them at most. Their numbers have no gap."""

    def __init__(self, size: int) -> None:
        self.size = size
        # The first number after the last gap: what a crashed process may have sent before it is not in the log.
        self.recovered = 0
        self._entries: deque[Entry] = deque(maxlen=size)
        self._last = 0

    @property
    def held_bytes(self) -> int:
        """The bytes of the events in it."""
        return sum(len(entry.body) for entry in self._entries)

    def add(self, entry: Entry) -> None:
        """The next entry."""
        self._entries.append(entry)
        self._last = entry.seq

    def skip(self, seq: int) -> None:
        """The entries up to ``seq`` are too old to be shown one by one."""
        self._last = seq

    def gap(self, first: int) -> None:
        """Numbers go on at ``first``: nobody can be brought from before it to after it."""
        self._entries.clear()
        self.recovered = first
        self._last = first - 1

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.recovered = self._last = 0

    def keeps(self, seq: int) -> bool:
        """Whether every entry after ``seq`` is here; not where some are too old, or ``seq`` lies beyond the last."""
        return max(self._first - 1, self.recovered) <= seq <= self._last

    def since(self, seq: int, most: int | None = None) -> list[Entry] | None:
        """The entries after ``seq``, the first ``most`` of them; None where it does not keep them all."""
        if not self.keeps(seq):
            return None
        start = seq + 1 - self._first
        return list(islice(self._entries, start, None if most is None else start + most))

    @property
    def _first(self) -> int:
        """The number of the oldest entry, or of the next one where there is none."""
        return self._entries[0].seq if self._entries else self._last + 1
