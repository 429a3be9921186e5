"""What comes of a question: a reply, or an error in words."""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.errors import ErrorKind, WhispererError
from whisperer_kernel.events import FinishReason, TurnError, Usage
from whisperer_kernel.harmless import harmless
from whisperer_kernel.markdown import safe_markdown
from whisperer_kernel.notebook.made_cells import MadeCells
from whisperer_kernel.tools.cells import NewCell

ENDINGS: dict[FinishReason, str] = {
    "length": "The answer was cut off: the longest reply allowed was reached.",
    "content_filter": "The answer was cut off by the provider's content filter.",
    "cancelled": "The answer was stopped.",
    "interrupted": "The answer was cut off: the connection to the model, or its server, broke.",
    "max_rounds": "The answer was stopped: it took too many rounds of tool calls (limits.max_rounds).",
}
"""What is said below an answer that is not whole."""

DEMO = "From a demo model, which is often wrong."

# The reply that was shown with these words, as often as it is shown: below every one they would go unread.
_shown_as_demo: set[str] = set()


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's answer. ``str(reply)`` is its text; a notebook shows it as markdown that runs nothing.

    ``text`` is as it came; printed or shown, it lacks what would steer a terminal or turn letters around.

    ``finish_reason`` is ``stop`` where the answer is whole. ``usage`` counts tokens, where the provider does. ``cells``
    are those that she made and for which there was no notebook: ``str(reply)`` and what is shown hold them too.
    ``demo``: a demo model answered, which the first such reply that a notebook shows says.
    """

    text: str
    agent: str
    message_id: str
    finish_reason: FinishReason
    usage: Usage | None = None
    cells: tuple[NewCell, ...] = ()
    demo: bool = False

    def __str__(self) -> str:
        return "\n\n".join(part for part in (harmless(self.text), *map(str, self._made)) if part)

    def _repr_markdown_(self) -> str:
        notes = [ENDINGS.get(self.finish_reason), DEMO if self._says_demo() else None]
        # Said by whom, so that it is not taken for something that was computed.
        parts = [f"**{safe_markdown(self.agent.capitalize())}**", safe_markdown(self.text)]
        cells = [made._repr_markdown_() for made in self._made]
        return "\n\n".join([*parts, *cells, *(f"*{note}*" for note in notes if note)])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text("\n".join(part for part in (str(self), ENDINGS.get(self.finish_reason)) if part))

    def _says_demo(self) -> bool:
        if self.demo and not _shown_as_demo:
            _shown_as_demo.add(self.message_id)
        return self.demo and self.message_id in _shown_as_demo

    @property
    def _made(self) -> list[MadeCells]:
        return [MadeCells(self.agent, self.cells)] if self.cells else []


class TurnFailed(WhispererError):
    """A turn ended in an error; the message says what happened and what to do.

    ``kind`` is the error's kind as PROTOCOL.md lists it, ``text`` and ``cells`` what had been answered until then,
    ``status`` the HTTP status where there was one, ``retry_after`` the seconds after which the provider takes requests
    again.
    """

    def __init__(self, error: TurnError, reply: Reply) -> None:
        super().__init__(error.message, kind=error.kind)
        self.kind: ErrorKind = error.kind
        self.text = reply.text
        self.agent = reply.agent
        self.message_id = reply.message_id
        self.cells = reply.cells
        self.status = error.status
        self.retry_after = error.retry_after
