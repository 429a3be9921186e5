"""Stopping a reply (35, 36): the connection is closed within a second, whoever stops it and however often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.fakes.provider import DONE, Act, FakeProvider, Reply, finish, text
from tests.fakes.reply import joined
from tests.unit.ai.asking import Heard, ask, provider_at, question
from whisperer_kernel.ai.exchange import AHEAD
from whisperer_kernel.ai.openai_compatible import OpenAICompatibleProvider


@pytest.fixture
async def provider(fake_provider: FakeProvider) -> AsyncIterator[OpenAICompatibleProvider]:
    """A provider that waits long, so that nothing but the test ends a reply."""
    made = provider_at(fake_provider.url, first_byte_timeout_s=60, idle_timeout_s=60)
    yield made
    await made.aclose()


async def closed_within_a_second(fake: FakeProvider) -> bool:
    """Whether the client has closed the connection of the last request."""
    return await asyncio.to_thread(fake.requests[-1].closed.wait, 1.0)


async def started(fake: FakeProvider, task: asyncio.Task[Heard]) -> None:
    """Wait until the request has arrived."""
    await asyncio.to_thread(fake.wait_for_chats, 1)
    assert len(fake.chats()) == 1
    assert not task.done()


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("model", ["fault-no-headers", "fault-silence", "slow"])
async def test_cancelled_task_closes_the_connection(
    fake_provider: FakeProvider, provider: OpenAICompatibleProvider, model: str, times: int
) -> None:
    """Before the headers, in a silence and between words; twice is once (encode/httpx#3782)."""
    task = asyncio.create_task(ask(provider, model))
    await started(fake_provider, task)
    await asyncio.sleep(0.05)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await closed_within_a_second(fake_provider)


async def test_closed_generator_closes_the_connection(
    fake_provider: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    """A reader that has had enough."""
    reply = provider.stream(question("slow"))
    await anext(reply)
    await reply.aclose()
    await reply.aclose()
    assert await closed_within_a_second(fake_provider)


async def test_closed_provider_ends_a_reply_with_an_error(
    fake_provider: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    """The server stops: who waits is told, and the connection is closed."""
    task = asyncio.create_task(ask(provider, "fault-silence"))
    await started(fake_provider, task)
    await provider.aclose()
    heard = await task
    assert heard.kind == "unavailable"
    assert await closed_within_a_second(fake_provider)


async def test_cancelled_pause_sends_nothing_more(
    fake_provider: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    """Stop while waiting for the next attempt."""
    provider._settings = provider_at(fake_provider.url, max_retries=2)._settings
    fake_provider.script(Reply.error(429, "slow down", {"Retry-After": "20"}), Reply.answer("too late"))
    task = asyncio.create_task(ask(provider))
    await started(fake_provider, task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(fake_provider.requests) == 1


async def test_other_replies_go_on(fake_provider: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    """Stopping one leaves the others alone."""
    gate = fake_provider.gate()
    fake_provider.script(Reply([*text("one"), Act.HANG]), Reply([*text("two"), gate, *finish(), DONE]))
    stopped = asyncio.create_task(ask(provider))
    await started(fake_provider, stopped)
    other = asyncio.create_task(ask(provider))
    await asyncio.to_thread(fake_provider.wait_for_chats, 2)
    stopped.cancel()
    gate.open()
    heard = await other
    assert (heard.text, heard.reason, stopped.cancelling()) == ("two", "stop", 1)


async def test_connection_serves_the_next_request(
    fake_provider: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    """After a good end it is kept: no handshake for every round of a turn."""
    for _ in range(3):
        assert (await ask(provider)).reason == "stop"
        await asyncio.sleep(0.05)
    assert (len(fake_provider.requests), fake_provider.connections) == (3, 1)


async def test_slow_reader_bounds_what_is_read_ahead(
    fake_provider: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    """Reading waits for the reader, and the reader's slowness is no silence of the provider's."""
    provider._settings = provider_at(fake_provider.url, idle_timeout_s=0.3)._settings
    block = joined(text("x" * 60_000))
    fake_provider.script(Reply([*[block] * 300, *finish(), DONE]))
    reply = provider.stream(question())
    first = await anext(reply)
    await asyncio.sleep(0.6)
    (exchange,) = provider._exchanges
    assert len(exchange._ready) <= AHEAD
    rest = [delta for batch in [first] + [batch async for batch in reply] for delta in batch]
    assert sum(len(getattr(delta, "text", "")) for delta in rest) == 300 * 60_000


async def test_late_close_does_nothing(fake_provider: FakeProvider, provider: OpenAICompatibleProvider) -> None:
    """Fault 36: after the end there is nothing to stop."""
    reply = provider.stream(question())
    assert [batch async for batch in reply]
    began = time.monotonic()
    await reply.aclose()
    await provider.aclose()
    await provider.aclose()
    assert (time.monotonic() - began < 1, len(fake_provider.requests)) == (True, 1)
