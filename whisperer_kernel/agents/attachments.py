"""What was sent along with a message, as text for the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def attached(items: Sequence[dict[str, Any]]) -> str:
    """The text of context items as PROTOCOL.md lists them; what was not sent along is said to be missing."""
    return "\n\n".join(_attachment(item) for item in items)


def _attachment(item: dict[str, Any]) -> str:
    kind = item["type"]
    if kind in {"text", "selection"}:
        return f"[{kind}]\n{item['text']}\n[end of {kind}]"
    name = item.get("cellId") or item.get("name") or item.get("path")
    return f"[{kind} {name}: its content was not sent along]"
