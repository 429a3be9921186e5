"""Whisperer's figures on Jupyter's own ``/metrics``, read from the sessions when somebody asks for them.

No figure has a session or a person in its labels: what is labelled is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.metrics import Histogram


class Sockets(Protocol):
    """What the server knows of connections."""

    def __len__(self) -> int:
        """How many are open."""
        ...


class Figures(Collector):
    """What ``/metrics`` shows of one server's sessions."""

    def __init__(self, manager: StatelessSessionManager, sockets: Sockets, drops: Callable[[], int]) -> None:
        self._manager = manager
        self._sockets = sockets
        self._drops = drops

    def register(self) -> None:
        """Be shown from now on."""
        REGISTRY.register(self)

    def unregister(self) -> None:
        """Be shown no more."""
        REGISTRY.unregister(self)

    def describe(self) -> list[Metric]:
        """Nothing is promised: a second server in one process may show the same names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every figure, as it is now."""
        metrics, live = self._manager.metrics, self._manager.live
        yield _gauge("sessions_live", "Sessions in memory.", len(live))
        yield _counter("sessions_started", "Sessions that came into memory.", metrics.started)
        yield _counter("sessions_ended", "Sessions that left memory.", metrics.ended)
        yield _histogram("session_duration_seconds", "How long ended sessions were in memory.", metrics.lifetime)
        held = sum(session.held_bytes for session in live)
        yield _gauge("memory_bytes", "Held by live sessions: events kept for replay and the messages' texts.", held)
        yield _gauge("connections", "Open sockets.", len(self._sockets))
        yield _counter("connection_drops", "Sockets that broke or did not read.", self._drops())
        yield _counters("turns", "Turns by their end.", "finish_reason", metrics.turns)
        yield _counters("tool_calls", "Tool calls by outcome.", "outcome", metrics.tool_calls)
        yield _counters(
            "provider_errors", "Turns that ended in an error, by its kind.", "kind", metrics.provider_errors
        )
        yield _histogram("first_chunk_seconds", "From a turn's beginning to its first text.", metrics.first_chunk)
        yield _histogram("chunk_seconds", "From one text of a turn to the next.", metrics.chunk)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"whisperer_{name}", words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"whisperer_{name}", words, value=value)


def _counters(name: str, words: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"whisperer_{name}", words, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _histogram(name: str, words: str, histogram: Histogram) -> Metric:
    """Prometheus counts in each bucket all that lies under its bound."""
    below = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip([*map(str, histogram.bounds), "+Inf"], histogram.counts, strict=True):
        below += count
        buckets.append((bound, below))
    return HistogramMetricFamily(f"whisperer_{name}", words, buckets=buckets, sum_value=histogram.sum)
