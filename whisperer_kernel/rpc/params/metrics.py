"""Figures."""

from __future__ import annotations

from whisperer_kernel.rpc.params.base import Wire


class Latency(Wire, omit_defaults=False):
    """Milliseconds, of the last thousand; None where there is none yet."""

    p50: float | None
    p95: float | None


class SessionMetrics(Wire, omit_defaults=False):
    """Of one session, or of all of the caller's that this server has run.

    ``turns`` counts by finish reason, ``firstChunkMs`` runs from the moment a turn can begin to its first text,
    ``chunkMs`` from one text to the next. ``memoryBytes`` are the events kept for replay and the messages' texts,
    ``durationS`` how long the sessions have been in memory, ``drops`` the connections that broke.
    """

    live: int
    started: int
    ended: int
    connections: int
    drops: int
    turns: dict[str, int]
    tool_calls: dict[str, int]
    provider_errors: dict[str, int]
    first_chunk_ms: Latency
    chunk_ms: Latency
    memory_bytes: int
    duration_s: float
