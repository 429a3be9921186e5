"""Tests as Python gives them back."""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.reply import Reply
from whisperer_kernel.notebook.results import Results
from whisperer_kernel.verify.report import Report


class NoTests(WhispererError):
    """No tests were made; the message says why."""


class MadeTests(msgspec.Struct, frozen=True):
    """The report of a run, and what Tessa said to it.

    ``report.cell`` is the cell's text, ``report.inserted`` says whether it stands in the notebook.
    """

    report: Report
    reply: Reply

    def __str__(self) -> str:
        return f"{Results(self.report.outcomes)!r}\n{self.report.placing}"

    def _repr_markdown_(self) -> str:
        return self.reply._repr_markdown_()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text(str(self))
