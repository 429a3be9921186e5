"""An answer in a cell's output while it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from IPython.display import display

from whisperer_kernel.harmless import harmless
from whisperer_kernel.markdown import safe_markdown
from whisperer_kernel.notebook.cell import running_cell

LEAST_REST_S = 0.1
CHARS_PER_S = 100_000
"""Each renewal sends the whole text, so the next one waits the longer, the longer the text is: what is sent grows with
the time that an answer takes, and not with the square of its length."""


class AnswerOutput(Protocol):
    """Where an answer appears."""

    @property
    def rest_s(self) -> float:
        """The seconds to wait before ``grow`` is called again."""
        ...

    def grow(self, text: str) -> None:
        """New text has come."""
        ...

    def close(self, notes: Sequence[str]) -> None:
        """Nothing more will come; ``notes`` are sentences in markdown that are ours."""
        ...


def answer_output(name: str) -> AnswerOutput:
    """The output for an answer of the agent of this name, in the cell that runs."""
    cell = running_cell()
    return RenewedOutput(name) if cell is not None and cell.is_in_notebook else PrintedOutput(name)


class RenewedOutput:
    """Markdown in one output that is renewed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._text = ""
        self._handle = display(self._bundle(["…"]), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    @property
    def rest_s(self) -> float:
        """See ``AnswerOutput``."""
        return max(LEAST_REST_S, len(self._text) / CHARS_PER_S)

    def grow(self, text: str) -> None:
        """See ``AnswerOutput``."""
        self._text += text
        self._renew(["…"])

    def close(self, notes: Sequence[str]) -> None:
        """See ``AnswerOutput``."""
        self._renew([f"*{note}*" for note in notes])

    def _renew(self, below: Sequence[str]) -> None:
        self._handle.update(self._bundle(below), raw=True)

    def _bundle(self, below: Sequence[str]) -> dict[str, str]:
        # Said by whom, so that it is not taken for something that was computed.
        parts = [f"**{safe_markdown(self._name)}**", safe_markdown(self._text), *below]
        return {
            "text/markdown": "\n\n".join(part for part in parts if part),
            "text/plain": "\n\n".join(part for part in (harmless(self._text), *below) if part),
        }


class PrintedOutput:
    """Text that is printed as it comes, for consoles."""

    rest_s = 0.0

    def __init__(self, name: str) -> None:
        print(f"{harmless(name)}:", flush=True)

    def grow(self, text: str) -> None:
        """See ``AnswerOutput``."""
        print(harmless(text), end="", flush=True)

    def close(self, notes: Sequence[str]) -> None:
        """See ``AnswerOutput``."""
        print("", *(note.replace("`", "") for note in notes), sep="\n", flush=True)
