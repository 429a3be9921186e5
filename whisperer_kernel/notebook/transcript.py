"""The conversation as an output of its own under the widget.

A widget is gone when a saved notebook is opened with another kernel; markdown is not. So the conversation also stands
in the notebook as markdown, renewed at each turn's end. What models and users wrote is data there: no HTML of theirs,
no image from elsewhere and no heading in the notebook's table of contents survives.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from IPython import get_ipython

from whisperer_kernel.markdown import literal, safe_markdown
from whisperer_kernel.notebook.cell import running_cell

_NAMES = {"length": "cut off", "content_filter": "cut off by a filter", "cancelled": "stopped", "max_rounds": "stopped"}


def transcript_markdown(history: Sequence[Mapping[str, Any]]) -> str:
    """The conversation, folded away; an empty one is an empty text.

    Args:
        history: finished messages as :attr:`Chat.history` holds them: ``role``, ``agent``, ``content`` and, where the
            turn did not end as it should, ``finishReason`` and ``error``.
    """
    if not history:
        return ""
    count = "1 message" if len(history) == 1 else f"{len(history)} messages"
    # Small wherever it is shown; the class is for the chat's style sheet, which makes it quieter below a chat.
    words = f"<small>Saved copy of the conversation: {count}</small>"
    summary = f'<details>\n<summary class="whisperer-saved">{words}</summary>'
    return "\n\n".join([summary, messages_markdown(history), "</details>"])


def messages_markdown(history: Sequence[Mapping[str, Any]]) -> str:
    """The messages one after the other; see ``transcript_markdown``."""
    return "\n\n".join(_message(item) for item in history)


def _message(item: Mapping[str, Any]) -> str:
    parts = [f"**{_author(item)}**{_ending(item)}", safe_markdown(str(item.get("content") or ""))]
    return "\n\n".join(part for part in parts if part)


def _author(item: Mapping[str, Any]) -> str:
    return "You" if item.get("role") == "user" else literal(str(item.get("agent") or "agent").capitalize())


def _ending(item: Mapping[str, Any]) -> str:
    if error := item.get("error"):
        return f" (failed: {literal(str(error))})"
    reason = item.get("finishReason")
    return "" if reason in {None, "stop"} else f" ({literal(_NAMES.get(str(reason), str(reason)))})"


class TranscriptOutput:
    """Where the transcript stands: an output of the cell that showed the widget, made when there is something to show.

    Outside a kernel, in IPython's terminal for instance, there is no such place, and nothing happens.
    """

    def __init__(self) -> None:
        self._display_id = uuid.uuid4().hex
        self._cell: dict[str, Any] | None = None
        self._made = False

    def stand_here(self) -> None:
        """Remember the cell that runs now. In another cell than before, the transcript moves there."""
        cell = running_cell()
        request = None if cell is None else cell.request
        if request is None or request == self._cell:
            return
        self._cell = request
        self._made = False
        self._display_id = uuid.uuid4().hex

    def show(self, markdown: str) -> None:
        """Show this text from now on."""
        if self._cell is None or not (self._made or markdown):
            return
        _publish(self._cell, self._display_id, markdown, update=self._made)
        self._made = True


def _publish(cell: dict[str, Any], display_id: str, markdown: str, *, update: bool) -> None:
    """Like ``IPython.display.display``, but for that cell: we are called when the cell is long done."""
    publisher = get_ipython().display_pub
    content = {
        "data": {"text/markdown": markdown, "text/plain": "Conversation with Whisperer" if markdown else ""},
        "metadata": {},
        "transient": {"display_id": display_id},
    }
    kind = "update_display_data" if update else "display_data"
    publisher.session.send(publisher.pub_socket, kind, content, parent=cell, ident=publisher.topic)
