"""JSON-RPC as text: whatever comes in is a request or an answer to it, and whatever goes out can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from whisperer_kernel.rpc import messages
from whisperer_kernel.rpc.messages import Malformed, Request

ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)


@given(ANY_TEXT)
def test_any_text_can_be_sent(text: str) -> None:
    """Every text that a browser can write is read; half of a surrogate pair is U+FFFD, everything else as it was."""
    frame = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "echo", "params": [text]})
    request = messages.read(frame)
    assert isinstance(request, Request)
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # Python's decoder may replace two halves by one mark.
    assert request.params[0].replace("\ufffd", "") == expected.replace("\ufffd", "")  # type: ignore[index]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"a\ud83db", "a\ufffdb"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\uD83D \u00e9", "\ufffd é"),
    ],
)
def test_surrogates(written: str, read: str) -> None:
    """A pair is a character, a half is U+FFFD, and an escaped backslash before it is no escape."""
    request = messages.read(f'{{"jsonrpc": "2.0", "id": 1, "method": "echo", "params": ["{written}"]}}')
    assert isinstance(request, Request)
    assert request.params == [read]


@given(JSON)
def test_any_json_is_read(value: Any) -> None:
    """Every JSON value is a request, a batch, or an error response that can be written."""
    for frame in (json.dumps(value), json.dumps({"jsonrpc": "2.0", "method": "echo", "params": value, "id": value})):
        found = messages.read(frame)
        for item in found if isinstance(found, list) else [found]:
            if isinstance(item, Malformed):
                assert json.loads(messages.write(item.response))["error"]["code"] in {-32700, -32600}
            else:
                assert json.loads(messages.write(messages.result_response(None, item.params)))["id"] is None


@given(st.text())
def test_any_frame_is_read(frame: str) -> None:
    """No text at all makes reading raise."""
    assert messages.read(frame) is not None


@given(st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text())
def test_an_id_comes_back(request_id: Any) -> None:
    """A request's id comes back as it was sent, whatever number or text it is."""
    found = messages.read(json.dumps({"jsonrpc": "2.0", "method": "echo", "id": request_id}))
    assert isinstance(found, Request)
    response = messages.write(messages.result_response(found.id, "x"))  # type: ignore[arg-type]
    assert json.loads(response)["id"] == request_id


def test_too_large_a_batch() -> None:
    """A batch of more than a hundred is refused as a whole."""
    found = messages.read(json.dumps([{"jsonrpc": "2.0", "method": "echo", "id": 1}] * 101))
    assert isinstance(found, Malformed)
    assert found.response["error"]["code"] == -32600
