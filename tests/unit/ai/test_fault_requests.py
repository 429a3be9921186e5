"""Faults before a reply begins (1 to 10): each has its kind, and words for the user."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from email.utils import formatdate

import pytest

from tests.fakes.provider import FakeProvider, Reply
from tests.unit.ai.asking import KEY, ask, ask_fault, provider_at


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are looked at in ``test_retry.py``."""
    monkeypatch.setattr("whisperer_kernel.ai.retry.FIRST_PAUSE_S", 0.01)


@pytest.mark.parametrize(("fault", "status"), [("fault-401", 401), ("fault-403", 403)])
async def test_refused_key_is_an_auth_error_at_once(fake_provider: FakeProvider, fault: str, status: int) -> None:
    """Fault 1: no second attempt, and no key in the words."""
    heard = await ask_fault(fake_provider, fault, max_retries=2)
    assert (heard.kind, heard.batches) == ("auth", [])
    assert heard.error is not None
    assert (heard.error.status, KEY in str(heard.error)) == (status, False)
    assert len(fake_provider.requests) == 1


async def test_401_names_the_variable(fake_provider: FakeProvider) -> None:
    """Fault 1: the user reads where the key came from."""
    heard = await ask_fault(fake_provider, "fault-401")
    assert str(heard.error) == "OpenRouter did not accept the key in OPENROUTER_API_KEY."


async def test_no_credit_is_said_at_once(fake_provider: FakeProvider) -> None:
    """Fault 2: asking again would not help."""
    heard = await ask_fault(fake_provider, "fault-402", max_retries=2)
    assert (heard.kind, len(fake_provider.requests)) == ("credit", 1)


async def test_retry_after_in_seconds_is_waited_for(fake_provider: FakeProvider) -> None:
    """Fault 3: the wait is the provider's, to the second, and then the answer comes."""
    fake_provider.script(Reply.error(429, "slow down", {"Retry-After": "1"}), Reply.answer("here"))
    heard = await ask_fault(fake_provider, "m", max_retries=1)
    first, second = fake_provider.requests
    assert (heard.text, heard.reason) == ("here", "stop")
    assert 1.0 <= second.at - first.at < 1.6


async def test_retry_after_as_a_date_is_waited_for(fake_provider: FakeProvider) -> None:
    """Fault 3: the header may hold a date."""
    date = formatdate(time.time() + 2, usegmt=True)
    fake_provider.script(Reply.error(429, "slow down", {"Retry-After": date}), Reply.answer("here"))
    heard = await ask_fault(fake_provider, "m", max_retries=1)
    first, second = fake_provider.requests
    assert (heard.text, second.at - first.at > 0.5) == ("here", True)


async def test_huge_retry_after_is_shown_not_waited_for(fake_provider: FakeProvider) -> None:
    """Fault 3: over the bound the turn ends and says for how long."""
    heard = await ask_fault(fake_provider, "fault-429-huge", max_retries=2, max_retry_wait_s=30)
    assert heard.error is not None
    assert (heard.kind, heard.error.retry_after, len(fake_provider.requests)) == ("rate_limited", 86_400.0, 1)
    assert "86,400 s" in str(heard.error)


async def test_long_wait_is_told(fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 3: who waits reads why, and reads when it is over."""
    monkeypatch.setattr("whisperer_kernel.ai.exchange.WORTH_TELLING_S", 0.0)
    fake_provider.script(Reply.error(503, "overloaded"), Reply.answer("here"))
    heard = await ask_fault(fake_provider, "m", max_retries=1)
    assert [status.state for status in heard.statuses] == ["starting", "ready"]
    assert (heard.text, "overloaded" in heard.statuses[0].message) == ("here", True)


@pytest.mark.parametrize("fault", ["fault-500", "fault-502-html", "fault-503"])
async def test_server_error_is_retried_a_bounded_number_of_times(fake_provider: FakeProvider, fault: str) -> None:
    """Fault 4: two more attempts, then the error."""
    heard = await ask_fault(fake_provider, fault, max_retries=2)
    assert (heard.kind, len(fake_provider.requests)) == ("server", 3)


async def test_gateway_timeout_is_not_retried(fake_provider: FakeProvider) -> None:
    """A model may be at work behind the gateway: a second request would be paid for as well."""
    fake_provider.script(Reply.error(504, "upstream timed out"))
    heard = await ask_fault(fake_provider, "m", max_retries=2)
    assert (heard.kind, len(fake_provider.requests)) == ("server", 1)


async def test_long_context_has_a_kind_of_its_own(fake_provider: FakeProvider) -> None:
    """Fault 5: so that the history can be shortened."""
    heard = await ask_fault(fake_provider, "fault-context")
    assert (heard.kind, len(fake_provider.requests)) == ("context_length", 1)


@pytest.mark.parametrize(("fault", "kind"), [("fault-html", "protocol"), ("fault-502-html", "server")])
async def test_page_of_html_is_an_error_with_its_body_cut(fake_provider: FakeProvider, fault: str, kind: str) -> None:
    """Fault 6: some words of the page, without tags."""
    heard = await ask_fault(fake_provider, fault)
    assert heard.kind == kind
    assert ("Welcome" in str(heard.error), "<" in str(heard.error), len(str(heard.error)) < 500) == (True, False, True)


async def test_wrong_content_type_is_an_error(fake_provider: FakeProvider) -> None:
    """Fault 6: text without one event is no reply."""
    fake_provider.script(Reply.of_body(b"It works!", "text/plain"))
    heard = await ask_fault(fake_provider, "m")
    assert (heard.kind, "It works!" in str(heard.error)) == ("protocol", True)


@pytest.mark.parametrize("headers", [{"Content-Type": "text/event-stream"}, {"Content-Type": "application/json"}, {}])
async def test_empty_body_is_an_error(fake_provider: FakeProvider, headers: Mapping[str, str]) -> None:
    """Fault 7: nothing is not an empty answer."""
    fake_provider.script(Reply(headers=headers))
    heard = await ask_fault(fake_provider, "m")
    assert (heard.kind, heard.batches, "empty reply" in str(heard.error)) == ("protocol", [], True)


async def test_redirect_is_refused(fake_provider: FakeProvider) -> None:
    """Fault 8: the key goes to no other host."""
    with FakeProvider() as other:
        fake_provider.script(Reply((), 307, {"Location": f"{other.url}/chat/completions?key=1"}))
        heard = await ask_fault(fake_provider, "m", max_retries=2)
        assert other.requests == []
    assert (heard.kind, heard.error.status if heard.error else None, len(fake_provider.requests)) == (
        "protocol",
        307,
        1,
    )


async def test_refused_connection_is_retried_then_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 9: nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    pauses: list[float] = []

    def jitter() -> float:
        pauses.append(0.0)
        return pauses[-1]

    monkeypatch.setattr("random.random", jitter)
    provider = provider_at(f"http://127.0.0.1:{port}/v1", max_retries=2)
    heard = await ask(provider)
    await provider.aclose()
    assert (heard.kind, len(pauses)) == ("unavailable", 2)
    assert "nothing listens at its address" in str(heard.error)


async def test_unknown_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 9: DNS; the resolver is replaced, as the answer of a real one is the network's."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    provider = provider_at("http://no-such-host.invalid/v1")
    heard = await ask(provider)
    await provider.aclose()
    assert (heard.kind, "DNS" in str(heard.error)) == ("unavailable", True)


async def test_no_tls_is_said() -> None:
    """Fault 9: the other side does not speak TLS."""

    async def in_the_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(in_the_clear, "127.0.0.1", 0) as server:
        provider = provider_at(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        heard = await ask(provider)
        await provider.aclose()
    assert (heard.kind, "TLS" in str(heard.error)) == ("unavailable", True)


async def test_silence_in_the_handshake_times_out_and_closes(fake_provider: FakeProvider) -> None:
    """Fault 9: a TLS handshake belongs to the connecting, and its socket does not stay open."""
    provider = provider_at(fake_provider.url.replace("http:", "https:"), connect_timeout_s=0.3)
    heard = await ask(provider)
    assert (heard.kind, fake_provider.connections) == ("timeout_connect", 1)
    assert await asyncio.to_thread(fake_provider.wait_until_alone, 1)
    await provider.aclose()


async def test_no_headers_time_out(fake_provider: FakeProvider) -> None:
    """Fault 10: and are not asked for twice, since the request arrived."""
    heard = await ask_fault(fake_provider, "fault-no-headers", first_byte_timeout_s=0.2, max_retries=2)
    assert (heard.kind, len(fake_provider.requests)) == ("timeout_first_byte", 1)
    assert fake_provider.requests[0].closed.wait(1)


async def test_no_connection_times_out() -> None:
    """A listener that accepts nobody is not waited for longer than ``connect_timeout_s``."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        with socket.create_connection(server.getsockname()):  # fills the queue of length zero
            provider = provider_at(f"http://127.0.0.1:{server.getsockname()[1]}/v1", connect_timeout_s=0.2)
            heard = await ask(provider)
            await provider.aclose()
    assert heard.kind == "timeout_connect"


@pytest.mark.parametrize("fault", ["fault-early-close", "fault-early-reset"])
async def test_lost_request_is_not_sent_twice(fake_provider: FakeProvider, fault: str) -> None:
    """Nobody knows whether the model began, so the user decides about paying again."""
    heard = await ask_fault(fake_provider, fault, max_retries=2)
    assert (heard.kind, len(fake_provider.requests)) == ("unavailable", 1)
    assert "not asked twice" in str(heard.error)


async def test_something_that_is_not_http_is_said(fake_provider: FakeProvider) -> None:
    """A mail server at the address, say."""
    heard = await ask_fault(fake_provider, "fault-garbage", max_retries=2)
    assert (heard.kind, len(fake_provider.requests)) == ("protocol", 1)


@pytest.mark.parametrize(("fault", "words"), [("fault-400", "temperature must be"), ("fault-404", "does not know")])
async def test_other_refusals_pass_on_the_reason(fake_provider: FakeProvider, fault: str, words: str) -> None:
    """What the provider says about a bad request is for the user."""
    heard = await ask_fault(fake_provider, fault, max_retries=2)
    assert (heard.kind, words in str(heard.error), len(fake_provider.requests)) == ("bad_request", True, 1)
