"""Figures: those of a scripted day's work, by the protocol and on Jupyter's /metrics."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.server.client import PATIENCE_S, Client, Json, RpcError
from tests.server.conftest import Connect, Serve
from tests.server.process import TOKEN, Server
from tests.server.raw_socket import RawSocket
from tests.server.test_security import fetch


@pytest.fixture
def alone(serve: Serve) -> Server:
    """A server in which nothing has happened yet."""
    return serve(LIMITS__RESUME_GRACE_S="0.2")


async def scraped(server: Server) -> dict[str, float]:
    """What ``/metrics`` shows of Whisperer: each sample by its name and labels."""
    response = await fetch(server, "/metrics", Authorization=f"token {TOKEN}")
    return {
        sample.name.removeprefix("whisperer_") + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.body.decode())
        for sample in family.samples
        if sample.name.startswith("whisperer_")
    }


async def work(client: Client, provider: FakeProvider) -> None:
    """Two answers, a stopped one, a failed one; a tool call that works and one that does not."""
    provider.script(
        Reply([*text("One, ", "two, ", "three."), *finish(), DONE]),
        Reply.tools(("call-1", "list_files", {}), ("call-2", "read_file", {"path": "none.txt"})),
        Reply.answer("Nothing there."),
    )
    await client.ask("Count")
    await client.ask("Look")
    await client.request("session.set_model", sessionId=client.session_id, model="slow")
    running = await client.send("Go on")
    await client.text(running, "word1 ")
    await client.request("session.cancel", sessionId=client.session_id)
    await client.answer(running)
    await client.request("session.set_model", sessionId=client.session_id, model="fault-401")
    await client.ask("And now?")


async def test_a_days_work_is_counted(alone: Server, connect: Connect, provider: FakeProvider) -> None:
    """Turns by their end, tool calls by outcome, errors by kind, latencies that are none below zero."""
    client = await connect(alone)
    await client.start()
    await work(client, provider)
    own: Json = await client.request("session.metrics", sessionId=client.session_id)
    assert own["turns"] == {"stop": 2, "cancelled": 1, "error": 1}
    assert own["toolCalls"] == {"done": 1, "error": 1}
    assert own["providerErrors"] == {"auth": 1}
    assert (own["live"], own["started"], own["ended"], own["connections"], own["drops"]) == (1, 1, 0, 1, 0)
    assert 0 < own["firstChunkMs"]["p50"] <= own["firstChunkMs"]["p95"]
    assert 0 <= own["chunkMs"]["p50"] <= own["chunkMs"]["p95"]
    assert own["memoryBytes"] > sum(len(event["chunk"]) for event in client.seen("AIMessageChunkNotification"))
    assert own["durationS"] > 0
    assert (await client.request("session.metrics"))["turns"] == own["turns"]

    shown = await scraped(alone)
    assert {name: value for name, value in shown.items() if "_total/" in name} == {
        "turns_total/stop": 2,
        "turns_total/cancelled": 1,
        "turns_total/error": 1,
        "tool_calls_total/done": 1,
        "tool_calls_total/error": 1,
        "provider_errors_total/auth": 1,
    }
    assert (shown["sessions_live"], shown["sessions_started_total"], shown["connections"]) == (1, 1, 1)
    assert shown["first_chunk_seconds_count"] == shown["first_chunk_seconds_bucket/+Inf"] == 3
    assert shown["memory_bytes"] == own["memoryBytes"]


async def test_sessions_that_end_and_connections_that_break(alone: Server, connect: Connect) -> None:
    """A socket that goes without a word is a drop, one that says goodbye is none; both sessions end after the grace."""
    leaving = await connect(alone)
    await leaving.start()
    await leaving.close()
    breaking = await RawSocket.connect(alone)
    await breaking.request("startSession", sessionParams={"notebook": "broken.ipynb"})
    await breaking.frame()
    breaking.abort()
    watching = await connect(alone)

    async def figures() -> tuple[int, int, int, int]:
        now = await watching.request("session.metrics")
        return now["started"], now["ended"], now["live"], now["drops"]

    async with asyncio.timeout(PATIENCE_S):
        while await figures() != (2, 2, 0, 1):
            await watching.request("echo", message="")
    shown = await scraped(alone)
    assert (shown["sessions_ended_total"], shown["connection_drops_total"]) == (2, 1)
    assert shown["session_duration_seconds_count"] == 2


async def test_figures_are_the_owners(alone: Server, connect: Connect) -> None:
    """A session that is not the caller's has none, and one that left memory has nothing to tell."""
    client = await connect(alone)
    with pytest.raises(RpcError) as refused:
        await client.request("session.metrics", sessionId="not-mine")
    assert refused.value.code == -32002
    await client.start()
    await client.ask("Hello")
    await client.request("stopSession", sessionId=client.session_id)
    gone = await client.request("session.metrics", sessionId=client.session_id)
    assert (gone["live"], gone["turns"], gone["firstChunkMs"]) == (0, {}, {"p50": None, "p95": None})
    assert (await client.request("session.metrics"))["turns"] == {"stop": 1}
