"""What a provider does wrong, and what the person in front of the screen gets: one end of each turn, in words."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.fakes.reply import Step, drip, joined
from tests.server.client import Answer, Client
from tests.server.conftest import KEY

GOOD = "Grüße an 日本 😀!"


def assert_fit_for_a_person(answer: Answer) -> None:
    """The error is a sentence without markup, keys or Python in it."""
    message = answer.error["message"]
    assert message[0].isupper()
    assert message.rstrip(")").endswith((".", "?", "!"))
    assert len(message) < 600
    for unfit in ("<", KEY, "Traceback", "Exception", "Error(", "httpx", "\n"):
        assert unfit not in message, message


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("fault-400", ("bad_request", 400, 1)),
        ("fault-401", ("auth", 401, 1)),
        ("fault-402", ("credit", 402, 1)),
        ("fault-403", ("auth", 403, 1)),
        ("fault-404", ("bad_request", 404, 1)),
        ("fault-context", ("context_length", 400, 1)),
        ("fault-429", ("rate_limited", 429, 2)),
        ("fault-429-seconds", ("rate_limited", 429, 2)),
        ("fault-429-huge", ("rate_limited", 429, 1)),
        ("fault-500", ("server", 500, 2)),
        ("fault-502-html", ("server", 502, 2)),
        ("fault-503", ("server", 503, 2)),
        ("fault-html", ("protocol", None, 1)),
        ("fault-empty", ("protocol", None, 1)),
        ("fault-garbage", ("protocol", None, 1)),
        ("fault-redirect", ("protocol", 307, 1)),
        ("fault-done-empty", ("protocol", None, 1)),
        ("fault-no-headers", ("timeout_first_byte", None, 1)),
        ("fault-comments-forever", ("timeout_idle", None, 1)),
        ("fault-early-reset", ("unavailable", None, None)),
        ("fault-early-close", ("unavailable", None, None)),
        ("fault-error-200", ("stream", None, 1)),
        ("fault-error-first", ("stream", None, 1)),
        ("fault-key-in-body", ("bad_request", 400, 1)),
    ],
)
async def test_no_answer(
    client: Client, provider: FakeProvider, fault: str, expected: tuple[str, int | None, int | None]
) -> None:
    """A turn without an answer ends in an error of the right kind; only what may pass by itself is tried again."""
    kind, status, asked = expected
    await client.start(model=fault)
    answer = await client.ask("Hello")
    assert (answer.reason, answer.text) == ("error", "")
    assert answer.error["kind"] == kind
    if status is not None:
        assert answer.error["status"] == status
    if asked is not None:
        assert len(provider.chats()) == asked
    assert_fit_for_a_person(answer)
    assert (await client.history())[-1]["error"] == answer.error


async def test_short_retry_after_is_waited_for(client: Client, provider: FakeProvider) -> None:
    """A second's Retry-After is waited for, and the answer then comes."""
    provider.script(Reply.error(429, "Rate limit exceeded", {"Retry-After": "1"}), Reply.answer("Here I am."))
    await client.start()
    answer = await client.ask("Hello")
    assert (answer.reason, answer.text) == ("stop", "Here I am.")
    first, second = provider.chats()
    assert second.at - first.at >= 1


async def test_huge_retry_after_is_told(client: Client) -> None:
    """A day's Retry-After is not waited for but told."""
    await client.start(model="fault-429-huge")
    began = time.monotonic()
    answer = await client.ask("Hello")
    assert time.monotonic() - began < 2
    assert answer.error["retryAfter"] == 86_400


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("fault-silence", ("error", "timeout_idle", "so far")),
        ("fault-error-midstream", ("error", "stream", "so far")),
        ("fault-finish-error", ("error", "stream", "so far")),
        ("fault-reset", ("interrupted", None, "half an answer")),
        ("fault-cut", ("interrupted", None, "half an answer")),
        ("fault-no-finish", ("interrupted", None, "half an answer")),
        ("fault-length", ("length", None, "cut")),
        ("fault-content-filter", ("content_filter", None, "cut")),
    ],
)
async def test_partial_answer(
    client: Client, provider: FakeProvider, fault: str, expected: tuple[str, str | None, str]
) -> None:
    """What arrived before the fault is kept, in the history and for the model, and the request is not repeated."""
    reason, kind, kept = expected
    await client.start(model=fault)
    answer = await client.ask("Hello")
    assert (answer.reason, answer.text) == (reason, kept)
    assert answer.error.get("kind") == kind
    if kind is not None:
        assert_fit_for_a_person(answer)
    assert len(provider.chats()) == 1
    last = (await client.history())[-1]
    assert (last["content"], last["finishReason"]) == (kept, reason)
    await client.request("session.set_model", sessionId=client.session_id, model="fake-model")
    assert (await client.ask("Go on")).reason == "stop"
    assert kept in str(provider.chats()[1].json["messages"])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("fault-bytes", GOOD),
        ("fault-cr", GOOD),
        ("fault-crlf", GOOD),
        ("fault-bom", GOOD),
        ("fault-comments", GOOD),
        ("fault-multi-line", "two lines"),
        ("fault-separators", "a\u2028b\u2029c\x85d"),
        ("fault-done-open", "all of it"),
        ("fault-done-only", "all of it"),
        ("fault-finish-open", "all of it"),
        ("fault-after-done", "all"),
        ("fault-finish-twice", "once"),
        ("fault-usage-last", "counted"),
        ("fault-null-delta", "still here"),
    ],
)
async def test_odd_but_whole(client: Client, fault: str, expected: str) -> None:
    """What is only oddly said arrives whole, in order and once, and ends well."""
    await client.start(model=fault)
    answer = await client.ask("Hello")
    assert (answer.text, answer.reason) == (expected, "stop")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11])
async def test_byte_boundaries(client: Client, provider: FakeProvider, size: int) -> None:
    """The text is the same whatever bytes the reads end at."""
    parts = ["Ein Satz mit Ümläuten, ", "日本語の文, ", "😀👩‍💻", "\u2028", " end."]
    provider.script(Reply(list(drip(joined([*text(*parts), *finish(), DONE]), size))))
    await client.start()
    answer = await client.ask("Hello")
    assert (answer.text, answer.reason) == ("".join(parts), "stop")


async def test_reasoning(client: Client) -> None:
    """Reasoning is shown as reasoning, and is no part of the answer."""
    await client.start(model="fault-reasoning-only")
    answer = await client.ask("Hello")
    assert (answer.text, answer.reason) == ("", "stop")
    reasoning = client.seen("AIReasoningChunkNotification", messageId=answer.message_id)
    assert "".join(event["chunk"] for event in reasoning) == "Hm, well."


async def test_what_no_json_can_carry(client: Client) -> None:
    """Lone surrogates and NULs of a provider reach every client as text that it can read."""
    await client.start(model="fault-surrogate")
    answer = await client.ask("Hello")
    assert answer.reason == "stop"
    assert answer.text.startswith("a")
    assert answer.text.endswith("d")
    answer.text.encode()
    assert (await client.history())[-1]["content"] == answer.text


async def test_echo_during_a_stream(client: Client) -> None:
    """A small request is answered within 200 ms on the socket over which an answer streams."""
    await client.start(model="slow")
    message_id = await client.send("Hello")
    await client.text(message_id, "word0 ")
    waits = []
    for _ in range(20):
        began = time.monotonic()
        await client.request("echo", message="quick")
        waits.append(time.monotonic() - began)
    # Of twenty the two slowest are the machine's, which others use as well.
    assert sorted(waits)[-3] < 0.2
    await client.request("session.cancel", sessionId=client.session_id)


async def test_text_is_shown_as_it_arrives(client: Client, provider: FakeProvider) -> None:
    """Each chunk is on the wire before the provider sends the next, and holds the new text alone."""
    gates = [provider.gate() for _ in range(3)]
    steps: list[Step] = []
    for number, gate in enumerate(gates):
        steps += [*text(f"part{number} "), gate]
    provider.script(Reply([*steps, *finish(), DONE]))
    await client.start()
    message_id = await client.send("Hello")
    for number, gate in enumerate(gates):
        await client.text(message_id, f"part{number} ")
        assert [chunk["chunk"] for chunk in client.chunks(message_id)][-1] == f"part{number} "
        gate.open()
    assert (await client.answer(message_id)).text == "part0 part1 part2 "


async def test_turns_of_two_sessions_run_at_once(client: Client, provider: FakeProvider) -> None:
    """A session whose provider hangs keeps no other waiting."""
    await client.start(model="slow")
    hanging = await client.send("Hello")
    await client.text(hanging, "word0 ")
    slow = client.session_id
    await client.start()
    assert (await client.ask("Quick")).text == "The fake provider heard: Quick"
    assert await asyncio.to_thread(provider.wait_for_chats, 2)
    assert await client.request("session.cancel", sessionId=slow) == {"cancelled": True}
    numbers = [event.seq for event in client.events if event["sessionId"] == slow]
    assert all(after == before + 1 for before, after in pairwise(numbers))
