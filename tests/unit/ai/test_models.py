"""The list of models, and how much fits into each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.provider import Act, FakeProvider, Reply
from tests.unit.ai.asking import ask, provider_at
from whisperer_kernel.ai import openai_compatible
from whisperer_kernel.ai.catalogue import parse_models
from whisperer_kernel.ai.provider import ModelInfo
from whisperer_kernel.errors import ProviderError


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({"context_length": 8192}, 8192),
        ({"context_length": 8192, "top_provider": {"context_length": 4096}}, 4096),
        ({"max_model_len": 2048}, 2048),
        ({"max_context_length": 9000, "loaded_context_length": 4000}, 4000),
        ({"meta": {"n_ctx_train": 2048}}, 2048),
        ({"context_window": 131_072}, 131_072),
        ({}, None),
        ({"context_length": None, "top_provider": None}, None),
        ({"context_length": "8192", "top_provider": 5, "max_model_len": True}, None),
        ({"context_length": 0}, None),
    ],
)
async def test_context_length_by_any_servers_name(
    fake_provider: FakeProvider, fields: dict[str, Any], length: int | None
) -> None:
    """The smallest that is stated; wrong types state nothing."""
    fake_provider.models = [{"id": "m", **fields}]
    provider = provider_at(fake_provider.url)
    assert await provider.context_length("m") == length
    assert await provider.context_length(None) == length
    await provider.aclose()


async def test_list_of_models(fake_provider: FakeProvider) -> None:
    """With names; what has no id is left out."""
    fake_provider.models = [
        {"id": "a", "name": "Model A", "context_length": 5},
        {"name": "nameless"},
        {"id": "b", "name": 7},
    ]
    provider = provider_at(fake_provider.url)
    assert await provider.models() == [ModelInfo(id="a", name="Model A", context_length=5), ModelInfo(id="b")]
    await provider.aclose()


@pytest.mark.parametrize("body", [b"", b"[]x", b'{"data": 5}', b"<html>", b"[" * 100_000])
async def test_what_is_no_list_is_an_error(fake_provider: FakeProvider, body: bytes) -> None:
    """And for the context length it is only not known."""
    fake_provider.models_reply = Reply.of_body(body, "application/json")
    provider = provider_at(fake_provider.url)
    with pytest.raises(ProviderError) as raised:
        await provider.models()
    assert (raised.value.kind, await provider.context_length("m")) == ("protocol", None)
    await provider.aclose()


async def test_refused_list_is_an_error(fake_provider: FakeProvider) -> None:
    """In the same words as a refused message."""
    fake_provider.models_reply = Reply.error(401, "no")
    provider = provider_at(fake_provider.url)
    with pytest.raises(ProviderError, match="did not accept the key in OPENROUTER_API_KEY"):
        await provider.models()
    await provider.aclose()


async def test_configured_length_asks_nobody(fake_provider: FakeProvider) -> None:
    """What the user says goes over what the provider says."""
    provider = provider_at(fake_provider.url, context_length=1234)
    assert await provider.context_length("fake-model") == 1234
    await provider.aclose()
    assert fake_provider.requests == []


async def test_list_is_asked_for_once(fake_provider: FakeProvider) -> None:
    """By however many sessions, now and later, and never as a message that is paid for."""
    provider = provider_at(fake_provider.url)
    lengths = await asyncio.gather(*(provider.context_length("fake-model") for _ in range(5)))
    assert [*lengths, await provider.context_length("unknown")] == [8192] * 5 + [None]
    await provider.aclose()
    assert [request.method for request in fake_provider.requests] == ["GET"]


async def test_silent_list_delays_a_message_by_a_bounded_time_once(
    fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is remembered for a while; messages go on."""
    monkeypatch.setattr(openai_compatible, "LENGTH_S", 0.1)
    fake_provider.models_reply = Reply([Act.HANG], framing="raw")
    provider = provider_at(fake_provider.url)
    assert [await provider.context_length("m") for _ in range(3)] == [None, None, None]
    assert (await ask(provider)).reason == "stop"
    await provider.aclose()
    assert [request.method for request in fake_provider.requests] == ["GET", "POST"]


def test_bare_list_is_a_list() -> None:
    """Some servers leave out the object around it."""
    assert parse_models(b'[{"id": "a"}]') == [ModelInfo(id="a")]


async def test_compressed_list_of_models_is_refused(fake_provider: FakeProvider) -> None:
    """As a reply is."""
    provider = provider_at(fake_provider.url)
    fake_provider.models_reply = Reply.of_body(b"", "application/json", 200, {"Content-Encoding": "gzip"})
    with pytest.raises(ProviderError, match="compressed"):
        await provider.models()
    await provider.aclose()
