"""Faults of a reply that has begun (11 to 29, 34): what came is kept, and the end is told as what it was."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Sequence

import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.fakes.reply import Step, chunk, drip, joined, usage
from tests.unit.ai.asking import ask, ask_fault, provider_at, question
from whisperer_kernel.ai.provider import Delta, Finish, TextDelta
from whisperer_kernel.events import Usage

GOOD = "Grüße an 日本 😀!"


@pytest.mark.parametrize("fault", ["fault-comments", "fault-bytes", "fault-cr", "fault-crlf", "fault-bom"])
async def test_same_reply_whatever_the_bytes(fake_provider: FakeProvider, fault: str) -> None:
    """Faults 11, 14, 15, 17: comments, any byte boundary, any line end and a byte order mark change nothing."""
    heard = await ask_fault(fake_provider, fault)
    assert (heard.text, heard.reason, heard.error) == (GOOD, "stop", None)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
async def test_same_reply_in_reads_of_any_size(fake_provider: FakeProvider, size: int) -> None:
    """Fault 14: through a real socket."""
    whole = joined([*text("Grüße ", "an ", "日本 ", "😀!"), *finish(), DONE]).replace(b"\n", b"\r\n")
    fake_provider.script(Reply(list(drip(whole, size))))
    heard = await ask_fault(fake_provider, "m")
    assert (heard.text, heard.reason) == (GOOD, "stop")


async def test_comments_alone_time_out(fake_provider: FakeProvider) -> None:
    """Fault 12: comments are no content."""
    began = time.monotonic()
    heard = await ask_fault(fake_provider, "fault-comments-forever", idle_timeout_s=0.3)
    assert (heard.kind, time.monotonic() - began < 2) == ("timeout_idle", True)


async def test_empty_deltas_alone_time_out(fake_provider: FakeProvider) -> None:
    """Fault 12: chunks that say nothing are no content either."""
    nothing: list[Step] = [chunk(), 0.02]
    fake_provider.script(Reply([*text("so far"), *nothing * 100]))
    heard = await ask_fault(fake_provider, "m", idle_timeout_s=0.3)
    assert (heard.kind, heard.text) == ("timeout_idle", "so far")


async def test_silence_times_out_and_keeps_the_text(fake_provider: FakeProvider) -> None:
    """Fault 13: the connection is closed as well."""
    heard = await ask_fault(fake_provider, "fault-silence", idle_timeout_s=0.2, max_retries=2)
    assert (heard.kind, heard.text, len(fake_provider.requests)) == ("timeout_idle", "so far", 1)
    assert fake_provider.requests[0].closed.wait(1)


def slowly(step: Step) -> list[Step]:
    """The step, and a pause after it."""
    return [step, 0.1]


async def test_slow_stream_is_not_idle(fake_provider: FakeProvider) -> None:
    """Each bit of content begins the idle time again."""
    letters: list[Step] = [step for part in text(*"abcdef") for step in slowly(part)]
    fake_provider.script(Reply([*letters, *finish(), DONE]))
    heard = await ask_fault(fake_provider, "m", idle_timeout_s=0.35)
    assert (heard.text, heard.error) == ("abcdef", None)


async def test_data_of_several_lines_is_one_event(fake_provider: FakeProvider) -> None:
    """Fault 15."""
    heard = await ask_fault(fake_provider, "fault-multi-line")
    assert (heard.text, heard.reason) == ("two lines", "stop")


async def test_unicode_separators_stay_intact(fake_provider: FakeProvider) -> None:
    """Fault 16: ``str.splitlines`` would cut the JSON there."""
    heard = await ask_fault(fake_provider, "fault-separators")
    assert (heard.text, heard.error) == ("a\u2028b\u2029c\x85d", None)


async def test_invalid_utf8_is_replaced(fake_provider: FakeProvider) -> None:
    """Fault 17: defined, and the rest is kept."""
    heard = await ask_fault(fake_provider, "fault-invalid-utf8")
    assert (heard.text, heard.reason) == ("a\ufffd\ufffdb", "stop")


async def test_endless_line_is_capped(fake_provider: FakeProvider) -> None:
    """Fault 18: 50 MB cost no more memory than the cap and the reads under way."""
    provider = provider_at(fake_provider.url)
    await ask(provider, "m")  # loads what a first request loads
    tracemalloc.start()
    heard = await ask(provider, "fault-long-line")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await provider.aclose()
    assert heard.kind == "protocol"
    assert peak < 16 << 20  # the fake's own 1 MiB blocks and socket buffers are in here too
    assert fake_provider.requests[-1].closed.wait(1)


@pytest.mark.parametrize("fault", ["fault-reset", "fault-cut", "fault-no-finish"])
async def test_broken_stream_keeps_the_text_and_has_no_finish(fake_provider: FakeProvider, fault: str) -> None:
    """Faults 19, 20: the loop calls it ``interrupted``; nothing is asked again."""
    heard = await ask_fault(fake_provider, fault, max_retries=2)
    assert (heard.text, heard.finishes, heard.error) == ("half an answer", [], None)
    assert len(fake_provider.requests) == 1


async def test_done_ends_at_once_although_the_socket_stays_open(fake_provider: FakeProvider) -> None:
    """Fault 21: and the connection does not stay open for long."""
    began = time.monotonic()
    heard = await ask_fault(fake_provider, "fault-done-open", idle_timeout_s=5)
    assert (heard.text, heard.reason, time.monotonic() - began < 1) == ("all of it", "stop", True)
    assert fake_provider.requests[0].closed.wait(1)


async def test_finish_without_an_end_waits_for_usage_a_short_time(fake_provider: FakeProvider) -> None:
    """Fault 21: neither [DONE] nor an end, only the finish reason."""
    began = time.monotonic()
    heard = await ask_fault(fake_provider, "fault-finish-open", idle_timeout_s=10)
    assert (heard.text, heard.reason, time.monotonic() - began < 2) == ("all of it", "stop", True)


async def test_done_without_a_finish_is_a_stop_if_text_came(fake_provider: FakeProvider) -> None:
    """As PROTOCOL.md words it."""
    heard = await ask_fault(fake_provider, "fault-done-only")
    assert (heard.text, heard.reason) == ("all of it", "stop")


async def test_done_without_anything_is_an_error(fake_provider: FakeProvider) -> None:
    """As PROTOCOL.md words it."""
    heard = await ask_fault(fake_provider, "fault-done-empty")
    assert (heard.kind, heard.batches) == ("protocol", [])


async def test_data_after_done_is_ignored(fake_provider: FakeProvider) -> None:
    """Fault 22."""
    heard = await ask_fault(fake_provider, "fault-after-done")
    assert (heard.text, heard.reason) == ("all", "stop")


@pytest.mark.parametrize("fault", ["fault-error-midstream", "fault-finish-error"])
async def test_error_in_the_stream_keeps_the_text(fake_provider: FakeProvider, fault: str) -> None:
    """Faults 23, 24: no finish, no second attempt."""
    heard = await ask_fault(fake_provider, fault, max_retries=2)
    assert (heard.kind, heard.text, heard.finishes, len(fake_provider.requests)) == ("stream", "so far", [], 1)


@pytest.mark.parametrize("fault", ["fault-error-200", "fault-error-first"])
async def test_error_instead_of_a_stream(fake_provider: FakeProvider, fault: str) -> None:
    """Fault 23: under status 200, as JSON or as the first event."""
    heard = await ask_fault(fake_provider, fault)
    assert (heard.kind, "No provider available" in str(heard.error)) == ("stream", True)


async def test_error_object_under_the_wrong_content_type(fake_provider: FakeProvider) -> None:
    """Fault 23: JSON that calls itself an event stream."""
    fake_provider.script(Reply([b'{"error": {"message": "No provider available"}}']))
    heard = await ask_fault(fake_provider, "m")
    assert (heard.kind, "No provider available" in str(heard.error)) == ("stream", True)


@pytest.mark.parametrize(("fault", "reason"), [("fault-length", "length"), ("fault-content-filter", "content_filter")])
async def test_finish_reasons_are_passed_on(fake_provider: FakeProvider, fault: str, reason: str) -> None:
    """Fault 25."""
    heard = await ask_fault(fake_provider, fault)
    assert (heard.text, heard.reason) == ("cut", reason)


async def test_finish_twice_is_once(fake_provider: FakeProvider) -> None:
    """Fault 26."""
    heard = await ask_fault(fake_provider, "fault-finish-twice")
    assert (heard.text, len(heard.finishes)) == ("once", 1)


async def test_usage_of_the_last_chunk_is_taken(fake_provider: FakeProvider) -> None:
    """Fault 27: with OpenRouter's cost and the tokens from the cache."""
    details = {"cached_tokens": 4}
    last = usage(11, 3, cost=0.002, prompt_tokens_details=details)
    fake_provider.script(Reply([*text("counted"), chunk("stop"), last, DONE]))
    heard = await ask_fault(fake_provider, "m")
    expected = Usage(prompt_tokens=11, completion_tokens=3, cached_tokens=4, cost_usd=0.002)
    assert heard.finishes[0].usage == expected


@pytest.mark.parametrize(
    "odd", [{"prompt_tokens": None}, {"prompt_tokens": "9"}, {"prompt_tokens": -1, "cost": "1"}, []]
)
async def test_odd_usage_counts_nothing(fake_provider: FakeProvider, odd: object) -> None:
    """Fault 27: wrong types are missing values."""
    fake_provider.script(Reply([*text("x"), chunk("stop"), {"choices": [], "usage": odd}, DONE]))
    heard = await ask_fault(fake_provider, "m")
    assert heard.reason == "stop"
    assert heard.finishes[0].usage in {None, Usage()}


async def test_null_and_missing_fields_are_tolerated(fake_provider: FakeProvider) -> None:
    """Fault 28."""
    heard = await ask_fault(fake_provider, "fault-null-delta")
    assert (heard.text, heard.reason, heard.tools) == ("still here", "stop", [])


async def test_reasoning_is_reasoning(fake_provider: FakeProvider) -> None:
    """Fault 29: under both names, and a reply of nothing else."""
    heard = await ask_fault(fake_provider, "fault-reasoning-only")
    assert (heard.reasoning, heard.text, heard.reason) == ("Hm, well.", "", "stop")


async def test_surrogates_nul_and_nan_do_no_harm(fake_provider: FakeProvider) -> None:
    """Fault 34: halves of an emoji from two chunks are put together, a lone one is replaced."""
    heard = await ask_fault(fake_provider, "fault-surrogate")
    assert (heard.text, heard.reason) == ("a\ufffdb\x00c😀d", "stop")
    assert heard.text.encode()


@pytest.mark.parametrize("fault", ["fault-deep", "fault-digits", "fault-not-json"])
async def test_what_no_decoder_takes_is_an_error(fake_provider: FakeProvider, fault: str) -> None:
    """Fault 34: nesting, digits and plain nonsense; the text before it is kept."""
    heard = await ask_fault(fake_provider, fault)
    assert (heard.kind, heard.text) == ("protocol", "a")


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "br"])
@pytest.mark.parametrize(("kind", "status"), [("protocol", 200), ("server", 500)])
@pytest.mark.parametrize("content", ["text/event-stream", "application/json", "text/html"])
async def test_compressed_reply_is_not_unpacked(
    fake_provider: FakeProvider, content: str, kind: str, status: int, encoding: str
) -> None:
    """50 KB can become 50 MB; of an error the status is enough."""
    bomb = gzip.compress(bytes(50 << 20))
    fake_provider.script(Reply.of_body(bomb, content, status, {"Content-Encoding": encoding}))
    provider = provider_at(fake_provider.url)
    tracemalloc.start()
    heard = await ask(provider, "m")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await provider.aclose()
    assert (heard.kind, "compressed" in str(heard.error)) == (kind, status == 200)
    assert fake_provider.requests[-1].headers["accept-encoding"] == "identity"
    assert peak < 4 << 20


async def test_reply_that_is_not_streamed_is_taken(fake_provider: FakeProvider) -> None:
    """Some servers answer in one piece whatever was asked."""
    message = {"role": "assistant", "content": "in one piece"}
    body = {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"prompt_tokens": 2}}
    fake_provider.script(Reply.of_json(body))
    heard = await ask_fault(fake_provider, "m")
    assert (heard.text, heard.reason) == ("in one piece", "length")


async def test_text_of_one_read_travels_together(fake_provider: FakeProvider) -> None:
    """One batch for each read, its text in one delta; a later read is another batch."""
    gate = fake_provider.gate()
    fake_provider.script(Reply([joined(text("a", "b", "c")), gate, joined([*text("d", "e"), *finish(), DONE])]))
    provider = provider_at(fake_provider.url)
    batches: list[Sequence[Delta]] = []
    async for batch in provider.stream(question()):
        batches.append(batch)
        gate.open()
    await provider.aclose()
    usage_of_7_and_5 = Usage(prompt_tokens=7, completion_tokens=5)
    assert batches == [[TextDelta("abc")], [TextDelta("de"), Finish(usage=usage_of_7_and_5)]]
