"""What goes wrong with providers, by model name: ``fault-429``, ``fault-reset`` and so on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.reply import (
    DONE,
    Act,
    Reply,
    Step,
    chunk,
    drip,
    finish,
    joined,
    text,
    tool_fragment,
    usage,
    words,
)

HTML = b"<!doctype html><html><head><title>Sign in</title></head><body>" + b"<p>Welcome</p>" * 5_000 + b"</body></html>"
HUGE_LINE = 50 << 20


def _stream(*steps: Step) -> Callable[[], Reply]:
    return lambda: Reply(steps)


def _good() -> list[Step]:
    """A good reply whose text has every width of UTF-8 in it."""
    return [*text("Grüße ", "an ", "日本 ", "😀!"), *finish(), DONE]


def _long_line() -> Reply:
    block = b"x" * (1 << 20)
    return Reply([b'data: {"choices":[{"delta":{"content":"', *([block] * (HUGE_LINE >> 20)), b'"}}]}\n\n', DONE])


def _comments_for_ever() -> Reply:
    turn: list[Step] = [b": OPENROUTER PROCESSING\n\n", 0.02]
    return Reply(turn * 2_000)


def _separators() -> Reply:
    return Reply([*text("a\u2028b", "\u2029c", "\x85d"), *finish(), DONE])


def _tools_all_index_0() -> Reply:
    parts = [
        tool_fragment(0, id="call_a", name="first", arguments=""),
        tool_fragment(0, arguments='{"x":'),
        tool_fragment(0, arguments=" 1}"),
        tool_fragment(0, id="call_b", name="second", arguments='{"y"'),
        tool_fragment(0, arguments=": 2}"),
    ]
    return Reply([*(chunk(tool_calls=[part]) for part in parts), *finish("tool_calls"), DONE])


def _tools_doubled() -> Reply:
    whole = '{"path": "a.py"}'
    parts = [tool_fragment(0, id="call_a", name="read", arguments=part) for part in (whole[:5], whole[5:], whole)]
    return Reply([*(chunk(tool_calls=[part]) for part in parts), *finish("tool_calls"), DONE])


def _tools_cut() -> Reply:
    part = tool_fragment(0, id="call_a", name="write", arguments='{"path": "a.py", "text": "half of')
    return Reply([chunk(tool_calls=[part]), *finish("length"), DONE])


FAULTS: dict[str, Callable[[], Reply]] = {
    "fault-400": lambda: Reply.error(400, "temperature must be at most 2"),
    "fault-401": lambda: Reply.error(401, "No auth credentials found"),
    "fault-402": lambda: Reply.error(402, "Insufficient credits"),
    "fault-403": lambda: Reply.error(403, "Your key may not use this model"),
    "fault-404": lambda: Reply.error(404, "No endpoints found for this model"),
    "fault-429": lambda: Reply.error(429, "Rate limit exceeded"),
    "fault-429-seconds": lambda: Reply.error(429, "Rate limit exceeded", {"Retry-After": "1"}),
    "fault-429-huge": lambda: Reply.error(429, "Rate limit exceeded", {"Retry-After": "86400"}),
    "fault-500": lambda: Reply.error(500, "Internal error"),
    "fault-502-html": lambda: Reply.of_body(HTML, "text/html", 502),
    "fault-503": lambda: Reply.error(503, "Overloaded"),
    "fault-context": lambda: Reply.error(
        400,
        "This endpoint's maximum context length is 4096 tokens, you asked for 5000.",
        type="context_length_exceeded",
    ),
    "fault-html": lambda: Reply.of_body(HTML, "text/html"),
    "fault-empty": Reply,
    "fault-redirect": lambda: Reply((), 307, {"Location": "http://127.0.0.1:9/v1/chat/completions"}),
    "fault-no-headers": lambda: Reply([Act.HANG], framing="raw"),
    "fault-garbage": lambda: Reply([b"220 smtp.example ESMTP ready\r\n\r\n"], framing="raw"),
    "fault-early-close": lambda: Reply([Act.CUT], framing="raw"),
    "fault-early-reset": lambda: Reply([Act.RESET], framing="raw"),
    "fault-comments": lambda: Reply([b": OPENROUTER PROCESSING\n\n", 0.02, *_good()]),
    "fault-comments-forever": _comments_for_ever,
    "fault-silence": _stream(*text("so far"), Act.HANG),
    "fault-bytes": lambda: Reply(list(drip(joined(_good())))),
    "fault-cr": lambda: Reply([joined(_good()).replace(b"\n", b"\r")]),
    "fault-crlf": lambda: Reply(list(drip(joined(_good()).replace(b"\n", b"\r\n"), 7))),
    "fault-multi-line": lambda: Reply([b'data: {"choices": [{"delta":\ndata: {"content": "two lines"}}]}\n\n', DONE]),
    "fault-separators": _separators,
    "fault-bom": lambda: Reply([b"\xef\xbb\xbf", *_good()]),
    "fault-invalid-utf8": lambda: Reply(
        [b'data: {"choices":[{"delta":{"content":"a\xff\xfeb"}}]}\n\n', *finish(), DONE]
    ),
    "fault-long-line": _long_line,
    "fault-reset": _stream(*text("half an ", "answer"), 0.05, Act.RESET),
    "fault-cut": _stream(*text("half an ", "answer"), Act.CUT),
    "fault-no-finish": _stream(*text("half an ", "answer")),
    "fault-done-open": _stream(*text("all of it"), *finish(), DONE, Act.HANG),
    "fault-done-only": _stream(*text("all of it"), DONE),
    "fault-done-empty": _stream(DONE),
    "fault-after-done": _stream(*text("all"), *finish(), DONE, *text(" too much"), DONE),
    "fault-error-midstream": _stream(*text("so far"), {"error": {"code": 502, "message": "Upstream went away"}}, DONE),
    "fault-error-200": lambda: Reply.of_json({"error": {"code": 503, "message": "No provider available"}}),
    "fault-error-first": _stream({"error": {"code": 503, "message": "No provider available"}}),
    "fault-finish-error": _stream(*text("so far"), chunk(finish_reason="error"), DONE),
    "fault-length": _stream(*text("cut"), *finish("length"), DONE),
    "fault-content-filter": _stream(*text("cut"), *finish("content_filter"), DONE),
    "fault-finish-twice": _stream(*text("once"), chunk("stop"), chunk("stop"), usage(), DONE),
    "fault-finish-open": _stream(*text("all of it"), chunk("stop"), Act.HANG),
    "fault-usage-last": _stream(*text("counted"), chunk("stop"), usage(11, 3, cost=0.002), DONE),
    "fault-null-delta": lambda: Reply(
        [
            {"choices": [{"delta": None, "finish_reason": ""}]},
            {"choices": [{"finish_reason": None}]},
            {"choices": None},
            {"choices": "none", "usage": "none"},
            {"choices": [{"delta": {"content": None, "tool_calls": None}}]},
            {"choices": [{"delta": {"content": 5, "tool_calls": [None, 7, {"function": None}]}}]},
            *text("still here"),
            *finish(),
            DONE,
        ]
    ),
    "fault-reasoning-only": _stream(chunk(reasoning="Hm, "), chunk(reasoning_content="well."), *finish(), DONE),
    "fault-tools-index-0": _tools_all_index_0,
    "fault-tools-doubled": _tools_doubled,
    "fault-tools-cut": _tools_cut,
    "fault-surrogate": lambda: Reply(
        [
            rb'data: {"choices":[{"delta":{"content":"a\ud800b\u0000c"}}]}' + b"\n\n",
            rb'data: {"choices":[{"delta":{"content":"\ud83d"}}]}' + b"\n\n",
            rb'data: {"choices":[{"delta":{"content":"\ude00"}}]}' + b"\n\n",
            b'data: {"choices":[{"delta":{"content":"d"}}],"usage":{"prompt_tokens":NaN}}\n\n',
            *finish(),
            DONE,
        ]
    ),
    "fault-deep": _stream(*text("a"), b"data: " + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"\n\n", DONE),
    "fault-digits": _stream(*text("a"), b'data: {"choices":' + b"1" * 5_000 + b"}\n\n", DONE),
    "fault-not-json": _stream(*text("a"), b"data: this is not JSON\n\n", DONE),
    "fault-key-in-body": lambda: Reply.error(400, "bad request with Authorization: Bearer sk-or-test-key-0123456789"),
}


def _slow_word(number: int) -> list[Step]:
    return [*text(f"word{number} "), 0.05]


def reply_for(body: dict[str, Any]) -> Reply:
    """The reply to a chat request, by its model's name."""
    model = str(body.get("model"))
    if model in FAULTS:
        return FAULTS[model]()
    if model == "slow":
        return Reply([step for number in range(1_200) for step in _slow_word(number)])
    asked = [message.get("content") for message in body.get("messages", []) if message.get("role") == "user"]
    return Reply.answer(*words(f"The fake provider heard: {asked[-1] if asked else json.dumps(None)}"))
