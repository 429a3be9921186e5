"""What is sent: the body, the headers, and to whom."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider, Reply
from tests.unit.ai.asking import KEY, ask, ask_fault, provider_at, question
from whisperer_kernel.ai.http_client import is_loopback, make_client
from whisperer_kernel.ai.provider import ChatMessage, ChatRequest
from whisperer_kernel.ai.wire import encode_request
from whisperer_kernel.errors import ProviderError
from whisperer_kernel.tools.call import ToolRequest, ToolSchema

CLOSED = {
    "type": "object",
    "properties": {"names": {"type": "array", "items": {"type": "string"}}},
    "required": ["names"],
    "additionalProperties": False,
}


async def sent(fake: FakeProvider, request: ChatRequest | None = None, **settings: Any) -> dict[str, Any]:
    """The body that arrived."""
    provider = provider_at(fake.url, **settings)
    async for _ in provider.stream(request or question()):
        pass
    await provider.aclose()
    body = fake.requests[-1].json
    assert isinstance(body, dict)
    return body


async def test_body_asks_for_a_stream_with_usage(fake_provider: FakeProvider) -> None:
    """Messages, model, streaming, and the usage in the last chunk."""
    assert await sent(fake_provider) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_request_goes_over_settings(fake_provider: FakeProvider) -> None:
    """Settings hold for every agent, a request's own parameters go over them, null leaves one out."""
    request = question("other", parameters={"temperature": 0.1})
    settings: dict[str, Any] = {"temperature": 1, "top_p": 0.5, "stream_options": None, "stream": False, "messages": []}
    body = await sent(fake_provider, request, parameters=settings)
    assert (body["model"], body["temperature"], body["top_p"]) == ("other", 0.1, 0.5)
    assert ("stream_options" in body, body["stream"], len(body["messages"])) == (False, True, 1)


async def test_tools_and_their_results_travel(fake_provider: FakeProvider) -> None:
    """A whole round; malformed arguments become an empty object, since servers refuse the history over them."""
    request = ChatRequest(
        messages=(
            ChatMessage(role="system", content="Be brief."),
            ChatMessage(
                role="assistant",
                content="",
                tool_calls=(
                    ToolRequest(id="c1", name="f", arguments='{"x": 1}'),
                    ToolRequest(id="c2", name="f", arguments='{"x": '),
                ),
            ),
            ChatMessage(role="tool", content="done", tool_call_id="c1"),
        ),
        tools=(ToolSchema(name="f", description="Does it.", parameters={"type": "object"}),),
    )
    body = await sent(fake_provider, request)
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]
    assert body["messages"][1:] == [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "content": "done", "tool_call_id": "c1"},
    ]
    function = {"name": "f", "description": "Does it.", "parameters": {"type": "object"}}
    assert body["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize(("schema", "strict"), [(CLOSED, True), ({**CLOSED, "required": []}, False)])
async def test_schema_is_strict_where_it_may_be(
    fake_provider: FakeProvider, schema: dict[str, Any], *, strict: bool
) -> None:
    """OpenAI refuses ``strict`` for schemas that leave something open."""
    body = await sent(fake_provider, question(response_schema=schema))
    described = {"name": "answer", "strict": strict, "schema": schema}
    assert body["response_format"] == {"type": "json_schema", "json_schema": described}


async def test_lone_surrogates_in_a_message_are_replaced(fake_provider: FakeProvider) -> None:
    """A notebook may hold them; UTF-8 cannot."""
    body = await sent(fake_provider, question(text="a\ud800b"))
    assert body["messages"][0]["content"] == "a\ufffdb"


def test_parameters_that_are_no_json_are_an_error() -> None:
    """Said before anything is sent."""
    with pytest.raises(ProviderError, match="cannot be sent as JSON"):
        encode_request(question(parameters={"stop": object()}), "m", {}, {})


async def test_headers(fake_provider: FakeProvider) -> None:
    """The key, who is asking, and what a gateway wants; no compression, which would delay the stream."""
    await sent(fake_provider, headers={"X-Gateway": "team-7"})
    headers = fake_provider.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (headers["x-title"], headers["x-gateway"], headers["accept-encoding"]) == ("Whisperer", "team-7", "identity")
    assert headers["user-agent"].startswith("whisperer-kernel/")


async def test_cookies_are_not_kept(fake_provider: FakeProvider) -> None:
    """One client serves all users of a server."""
    answer = Reply.answer("x")
    fake_provider.script(Reply(answer.steps, headers={**answer.headers, "Set-Cookie": "who=alice"}))
    provider = provider_at(fake_provider.url)
    await ask(provider)
    await ask(provider)
    await provider.aclose()
    assert [request.headers.get("cookie") for request in fake_provider.requests] == [None, None]


async def test_model_must_be_named(fake_provider: FakeProvider) -> None:
    """Without a default the words say how to choose, with some that there are; nothing is asked."""
    provider = provider_at(fake_provider.url, model=None)
    heard = await ask(provider)
    await provider.aclose()
    assert (heard.kind, fake_provider.chats()) == ("bad_request", [])
    assert str(heard.error).endswith("For example: fake-model.")


@pytest.mark.parametrize("fault", ["fault-key-in-body", "fault-401", "fault-error-midstream"])
async def test_key_is_nowhere(fake_provider: FakeProvider, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    """Neither in an error nor in a log, at any level, nor in what a provider looks like."""
    caplog.set_level(logging.DEBUG)
    provider = provider_at(fake_provider.url)
    heard = await ask(provider, fault)
    await provider.aclose()
    assert heard.error is not None
    shown = [heard.error, heard.error.data, heard.error.__cause__, provider, provider._endpoint, caplog.text]
    assert KEY not in repr(shown)


@pytest.mark.parametrize("body", [KEY, f"a {KEY} b", f"key={KEY}&x", "Bearer abc.def", "sk-live-abcdefgh12345678"])
async def test_key_in_a_providers_words_is_hidden(fake_provider: FakeProvider, body: str) -> None:
    """Ours, and whatever else looks like one."""
    fake_provider.script(Reply.error(400, f"bad request: {body}"))
    heard = await ask_fault(fake_provider, "m")
    assert ("[key]" in str(heard.error), KEY in str(heard.error), "abcdefgh" in str(heard.error)) == (
        True,
        False,
        False,
    )


async def test_secret_header_is_hidden_too(fake_provider: FakeProvider) -> None:
    """Gateways take keys in headers of their own."""
    fake_provider.script(Reply.error(400, "you sent gateway-secret-1"))
    heard = await ask_fault(fake_provider, "m", headers={"api-key": "gateway-secret-1"})
    assert "you sent [key]" in str(heard.error)


@pytest.mark.parametrize("value", ["line\nbreak", "ünï"])
async def test_header_that_cannot_be_sent_is_said(fake_provider: FakeProvider, value: str) -> None:
    """And its value is not quoted: it may be a key."""
    heard = await ask_fault(fake_provider, "m", headers={"api-key": value})
    assert ("provider.headers" in str(heard.error), value in str(heard.error)) == (True, False)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://a.localhost/v1", True),
        ("https://openrouter.ai/api/v1", False),
        ("http://localhost.example.org/v1", False),
        ("http://10.0.0.1/v1", False),
    ],
)
def test_loopback(url: str, *, loopback: bool) -> None:
    """By name and by address."""
    assert is_loopback(url) is loopback


async def test_proxy_is_for_other_machines_alone(fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """What listens on loopback is asked directly; the rest goes through the environment's proxy."""
    with FakeProvider() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert (await ask_fault(fake_provider, "m")).reason == "stop"
        assert proxy.requests == []
        provider = provider_at("http://models.example.org/v1")
        assert (await ask(provider)).reason == "stop"
        await provider.aclose()
        assert proxy.requests[0].path == "http://models.example.org/v1/chat/completions"


async def test_proxy_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the environment ends in words."""
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://user:password@host")
    with pytest.raises(ProviderError, match="proxy variables") as raised:
        await make_client("https://models.example.org/v1", {})
    assert "password" not in str(raised.value)
