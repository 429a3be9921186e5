"""Figures: of a session, and of all of the caller's."""

from __future__ import annotations

from collections.abc import Sequence

from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import Methods, method
from whisperer_kernel.sessions.metrics import Histogram, Metrics
from whisperer_kernel.sessions.session import StatelessInteractiveSession


@method("session.metrics")
async def metrics(methods: Methods, call: Call, params: p.SessionFilter) -> p.SessionMetrics:
    """How it goes in a session; without ``sessionId`` in all of the caller's on this server."""
    manager, owner = methods.manager, call.connection.owner
    if params.session_id is None:
        return _figures(manager.metrics_of(owner), manager.live.of(owner))
    # Whose session it is; one that is not live has no figures but that it is not.
    await manager.read(params.session_id, owner)
    live = [session for session in manager.live.of(owner) if session.id == params.session_id]
    return _figures(live[0].metrics if live else Metrics(), live)


def _figures(metrics: Metrics, live: Sequence[StatelessInteractiveSession]) -> p.SessionMetrics:
    connections = {connection.client_id for session in live for connection in session.subscribers}
    return p.SessionMetrics(
        live=len(live),
        started=metrics.started,
        ended=metrics.ended,
        connections=len(connections),
        drops=metrics.drops,
        turns=dict(metrics.turns),
        tool_calls=dict(metrics.tool_calls),
        provider_errors=dict(metrics.provider_errors),
        first_chunk_ms=_latency(metrics.first_chunk),
        chunk_ms=_latency(metrics.chunk),
        memory_bytes=sum(session.held_bytes for session in live),
        duration_s=round(metrics.lifetime.sum + sum(session.seconds for session in live), 3),
    )


def _latency(histogram: Histogram) -> p.Latency:
    middle, high = (histogram.percentile(percent) for percent in (50, 95))
    return p.Latency(p50=_ms(middle), p95=_ms(high))


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1_000, 3)
