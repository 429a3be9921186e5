"""A conversation as a cell's output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from IPython.display import display

from whisperer_kernel.harmless import harmless
from whisperer_kernel.notebook.transcript import messages_markdown
from whisperer_kernel.sessions.history import HistoryMessage


def show_history(messages: Sequence[HistoryMessage], count: int) -> None:
    """The last ``count`` messages; what tools returned is not among them."""
    said = [message for message in messages if message.role != "tool"]
    shown = said[-max(1, count) :]
    if not said:
        print("Nothing has been said yet.")
        return
    before = [f"… and {len(said) - len(shown)} before these."] if len(said) > len(shown) else []
    plain = [f"{'You' if each.role == 'user' else each.agent.capitalize()}: {harmless(each.content)}" for each in shown]
    bundle = {
        "text/markdown": "\n\n".join([*before, messages_markdown([_mapping(each) for each in shown])]),
        "text/plain": "\n\n".join([*before, *plain]),
    }
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def _mapping(message: HistoryMessage) -> dict[str, Any]:
    """As the chat holds it: an error is its words."""
    error = {} if message.error is None else {"error": message.error.message}
    return {**msgspec.to_builtins(message), **error}
