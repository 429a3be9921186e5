"""Secrets are taken out of words, and nothing else is."""

from __future__ import annotations

import pytest

from whisperer_kernel.verify.redaction import redactor


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("sk-or-v1-0123456789abcdef01234567", "[secret]"),
        ("ghp_abcdefghijklmnopqrst in a sentence", "[secret] in a sentence"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer [secret]"),
        ("http://localhost:8888/lab?token=abc&x=1", "http://localhost:8888/lab?token=[secret]&x=1"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK", "[secret]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.", "[secret]."),
        ("the-password and a word", "[secret] and a word"),
        ("KeyError: 'key_columns_missing_1'", "KeyError: 'key_columns_missing_1'"),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("assert 'sk-learn' == 'sk-image'", "assert 'sk-learn' == 'sk-image'"),
        ("short", "short"),
    ],
)
def test_secrets_are_hidden(text: str, left: str) -> None:
    """By their value where this process knows it, else by their shape; short values are words like any other."""
    environ = {"DB_PASSWORD": "the-password", "SOME_TOKEN": "short", "HOME": "word"}
    assert redactor(environ)(text) == left
