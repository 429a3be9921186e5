"""A plan as Python gives it back."""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.harmless import harmless
from whisperer_kernel.notebook.reply import Reply
from whisperer_kernel.plans.cells import markdown
from whisperer_kernel.plans.model import Plan


class NoPlan(WhispererError):
    """The agent answered and made no plan; the message is her answer."""


class MadePlan(msgspec.Struct, frozen=True):
    """The plan that Patricia made, and what she said to it. A notebook shows it as markdown that runs nothing.

    ``plan`` holds its steps; ``reply.text`` says where it is now.
    """

    plan: Plan
    reply: Reply

    def __str__(self) -> str:
        return harmless(markdown(self.plan))

    def _repr_markdown_(self) -> str:
        return harmless(markdown(self.plan))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's signature
        printer.text(str(self))
