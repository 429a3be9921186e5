"""Words for failures: no key however it is written, nothing a terminal would obey, and no page that takes long."""

from __future__ import annotations

import time

import pytest

from whisperer_kernel.ai.failures import DETAIL_CHARS, Failures

KEY = "sk-or-v1-SECRETKEY0123456789abcdef"
TAIL = KEY.removeprefix("sk-or-v1-")


def said(body: bytes) -> str:
    """What is repeated of the body of an error."""
    return str(Failures("It", "MY_KEY", [KEY]).of_status(502, {}, body))


@pytest.mark.parametrize(
    "body",
    [
        b"<script " * 8_192,
        b"<style>" * 9_362,
        b"<" * 65_536,
        b"<a" * 32_768,
        b"</" * 32_768,
        b"sk-" * 20_000,
        b"s " * 32_768,
        KEY[:-1].encode() * 2_000,
    ],
)
def test_page_takes_no_longer_than_its_length(body: bytes) -> None:
    """64 KB of beginnings without an end."""
    began = time.thread_time()
    assert len(said(body)) < DETAIL_CHARS + 100
    assert time.thread_time() - began < 0.3


def test_words_of_a_page_stand_without_what_is_not_shown() -> None:
    """Scripts, styles and the title go with what is in them, tags without it; a comparison is no tag."""
    page = b"<!DOCTYPE html><title>x</title ><style>" + b"p{}" * 9_000 + b"</style><p class=a>1 < 2</p><script>if (1<2)"
    assert "(502): 1 < 2. " in said(page)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        TAIL,
        KEY.upper(),
        f"Authorization: Bearer {KEY}",
        f"{KEY[:10]}<b></b>{KEY[10:]}",
        f"{TAIL[:10]}<b>{TAIL[10:]}</b>",
        f"<b title='{KEY}'",
        "\x00".join(KEY),
        "\u200b".join(TAIL),
        " " * 4_050 + KEY + " " * 4_096,
        "<br>" * 1_010 + KEY,
    ],
)
def test_key_is_hidden_however_it_is_written(text: str) -> None:
    """In whole or without its prefix, in one piece or split by tags, controls or the end of what is read."""
    words = "".join(said(text.encode()).split())
    assert [part for part in (TAIL[:8], TAIL[8:16], TAIL[-8:]) if part.lower() in words.lower()] == []


def test_control_characters_are_not_passed_on() -> None:
    """Neither NUL, nor an escape sequence, nor what turns the direction of writing."""
    words = said(b'{"error": {"message": "a' + rb"\u0000" * 300 + rb"\u001b[31mb\u202ec" + b'"}}')
    assert "(502): a [31mb c. " in words
    assert words.isprintable()
