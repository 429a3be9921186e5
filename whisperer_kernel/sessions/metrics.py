"""How it goes: counted from the events of sessions as they happen, and from nothing else.

Latencies are what a person sees: from the moment a turn can begin to its first text, and from one text to the next.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Sequence

from whisperer_kernel.events import AIMessageChunk, Event, ToolCall, UserMessage
from whisperer_kernel.sessions.asks import OVER

LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LIFETIME_S = (10.0, 60.0, 300.0, 1_800.0, 3_600.0, 14_400.0, 86_400.0)
RECENT = 1_000
"""Percentiles are those of so many last values."""


class Histogram:
    """Values in seconds: how many lie at or under each of ``bounds``, their sum, and the last of them."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
        self._recent.append(value)

    def percentile(self, percent: int) -> float | None:
        """Of the last values; None where there is none.

        >>> histogram = Histogram([1.0])
        >>> for value in range(1, 101): histogram.add(value)
        >>> histogram.percentile(95)
        95.0
        """
        values = sorted(self._recent)
        return float(values[(len(values) * percent + 99) // 100 - 1]) if values else None


class Metrics:
    """Of one session, of one owner's, or of all that this process has run."""

    def __init__(self) -> None:
        self.started = self.ended = self.drops = 0
        self.turns: Counter[str] = Counter()
        self.tool_calls: Counter[str] = Counter()
        self.provider_errors: Counter[str] = Counter()
        self.first_chunk = Histogram(LATENCY_S)
        self.chunk = Histogram(LATENCY_S)
        self.lifetime = Histogram(LIFETIME_S)


class Watch:
    """Looks at one session's events and counts them in every one of ``metrics``. ``clock`` is in seconds."""

    def __init__(self, metrics: Sequence[Metrics], clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._began = clock()
        self._waiting: dict[str, float] = {}
        self._free = self._last = 0.0
        # The message whose turn has brought text.
        self._answering = ""
        for one in metrics:
            one.started += 1

    @property
    def seconds(self) -> float:
        """How long the session has been in memory."""
        return self._clock() - self._began

    def saw(self, event: Event) -> None:
        """An event happened just now, in this process."""
        match event:
            case AIMessageChunk():
                self._chunk(event)
            case UserMessage():
                self._waiting[event.message_id] = self._clock()
            case ToolCall() if event.status in OVER:
                for one in self._metrics:
                    one.tool_calls[event.status] += 1

    def end(self) -> None:
        """The session leaves memory."""
        for one in self._metrics:
            one.ended += 1
            one.lifetime.add(self.seconds)

    def dropped(self) -> None:
        """A connection to it was lost."""
        for one in self._metrics:
            one.drops += 1

    def _chunk(self, event: AIMessageChunk) -> None:
        if event.chunk and not event.is_final:
            self._text(event.message_id)
        if event.is_final and self._ended(event.message_id):
            for one in self._metrics:
                one.turns[event.finish_reason or "stop"] += 1
                if event.error is not None:
                    one.provider_errors[event.error.kind] += 1

    def _text(self, message_id: str) -> None:
        now, sent = self._clock(), self._waiting.get(message_id)
        if sent is None:
            for one in self._metrics:
                one.chunk.add(now - self._last)
        else:
            del self._waiting[message_id]
            self._answering = message_id
            for one in self._metrics:
                # One that was queued could begin only when the turn before it had ended.
                one.first_chunk.add(now - max(sent, self._free))
        self._last = now

    def _ended(self, message_id: str) -> bool:
        """Whether it was a turn; an agent's introduction is none."""
        is_turn = self._waiting.pop(message_id, None) is not None or self._answering == message_id
        self._free = self._clock()
        return is_turn
