"""The SSE decoder: the same events whatever the reads were."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from whisperer_kernel.ai.sse import ServerSentEvent, SSEDecoder
from whisperer_kernel.errors import ProviderError

LIMIT = 40


def decode(*pieces: bytes, limit: int = 1 << 20) -> list[ServerSentEvent | str]:
    """All events, and the kind of the error where one ended the stream."""
    decoder = SSEDecoder(limit)
    events: list[ServerSentEvent | str] = []
    try:
        for piece in pieces:
            events.extend(decoder.feed(piece))
    except ProviderError as error:
        events.append(error.kind)
    return events


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """``data`` cut at these places."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


lines = st.sampled_from(
    [
        *(b"data: one", b"data:two", b"data", b"event: error", b"event", b": comment", b"id: 7", b"retry: 1", b""),
        *("data: é日😀".encode(), b"data: \xff\xfe", b"\xe6\x97", "data: a\u2028b\u2029c\x85d".encode()),
        *(b"data: " + b"x" * 30, b"\xef\xbb\xbf", b"\xef\xbb\xbfdata: x", b":", b" ", b"\x00"),
    ]
)
ends = st.sampled_from([b"\n", b"\r", b"\r\n", b"\r\n", b"\n\n", b"\r\n\r\n", b""])
# Whole lines, so that events come about, and now and then two that run into each other.
streams = st.lists(st.tuples(lines, ends).map(b"".join), max_size=20).map(b"".join)


@given(streams, st.lists(st.integers(min_value=0, max_value=600), max_size=40))
def test_any_split_gives_the_same_events(data: bytes, cuts: list[int]) -> None:
    """Where the reads end makes no difference, to the errors neither."""
    for limit in (LIMIT, 1 << 20):
        assert decode(*split(data, cuts), limit=limit) == decode(data, limit=limit)


@given(streams)
def test_byte_by_byte_gives_the_same_events(data: bytes) -> None:
    """One byte a read is only the worst of the splits."""
    assert decode(*(data[i : i + 1] for i in range(len(data))), limit=LIMIT) == decode(data, limit=LIMIT)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_counts(end: bytes) -> None:
    """CR, LF and CRLF end a line alike; several data lines make one event."""
    assert decode(end.join([b"data: a", b"data:b", b"data", b"", b""])) == [ServerSentEvent("a\nb\n")]


def test_unicode_separators_stay_inside() -> None:
    """U+2028, U+2029 and U+0085 are text; ``str.splitlines`` would split there."""
    assert decode("data: a\u2028b\u2029c\x85d\n\n".encode()) == [ServerSentEvent("a\u2028b\u2029c\x85d")]


def test_comments_and_unknown_fields_are_nothing() -> None:
    """A keep-alive makes no event, and neither does an event without data."""
    assert decode(b": OPENROUTER PROCESSING\n\nid: 1\n\nretry: 5\n\nevent: ping\n\nfoo: x\n\n") == []


def test_event_name_lasts_for_one_event() -> None:
    """The name belongs to the event whose data it stands with."""
    events = decode(b"event: error\ndata: x\n\ndata: y\n\n")
    assert events == [ServerSentEvent("x", "error"), ServerSentEvent("y", "message")]


def test_byte_order_mark_is_skipped_once() -> None:
    """At the very start it is a mark, later it is text."""
    assert decode(b"\xef\xbb\xbfdata: \xef\xbb\xbfx\n\n") == [ServerSentEvent("\ufeffx")]


def test_invalid_utf8_is_replaced() -> None:
    """A byte that is not UTF-8 becomes U+FFFD, and the rest is kept."""
    assert decode(b"data: a\xffb\xe6\x97\n\n") == [ServerSentEvent("a\ufffdb\ufffd")]


def test_cut_event_is_dropped() -> None:
    """The end of the stream completes nothing."""
    assert decode(b"data: whole\n\ndata: half\n") == [ServerSentEvent("whole")]


def test_long_line_is_refused_before_it_has_ended() -> None:
    """Memory is bounded by the limit, not by what the other side cares to send."""
    decoder = SSEDecoder(LIMIT)
    with pytest.raises(ProviderError, match="more than 40 bytes") as raised:
        list(decoder.feed(b"data: " + b"x" * LIMIT))
    assert raised.value.kind == "protocol"


def test_long_event_is_refused() -> None:
    """Many short lines are no way around the limit."""
    assert decode(b"data: ok\n\n" + b"data: 123456789\n" * 5, limit=LIMIT) == [ServerSentEvent("ok"), "protocol"]
