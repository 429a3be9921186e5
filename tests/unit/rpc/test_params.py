"""What methods take: the shapes that types alone do not say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from whisperer_kernel.rpc.params import SessionParams, SetModel


@pytest.mark.parametrize("kind", [SetModel, SessionParams])
@pytest.mark.parametrize("name", ["a\nb\0", "a\n", "\x1b[31m", "\x7f", "a\x85b", "", "a" * 201])
def test_model_without_a_proper_name_is_refused(kind: type[Any], name: str) -> None:
    """It is shown, stored and sent on: one line without control characters."""
    with pytest.raises(msgspec.ValidationError, match="`str`"):
        msgspec.convert({"sessionId": "s", "model": name}, kind)


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "qwen3:8b", "Modèle 7 (日本)"])
def test_name_of_a_model_is_taken(name: str) -> None:
    """Whatever providers call theirs."""
    assert msgspec.convert({"sessionId": "s", "model": name}, SetModel).model == name
