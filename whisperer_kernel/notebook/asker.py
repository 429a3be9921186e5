"""Who waits for an answer: the code that asks, on its thread, and the person in front of it."""

from __future__ import annotations

import sys
import warnings

import msgspec

from whisperer_kernel.events import PermissionDecision
from whisperer_kernel.notebook.cell import running_cell
from whisperer_kernel.notebook.console import console_of
from whisperer_kernel.notebook.errands import Errands, Over
from whisperer_kernel.notebook.permission import PermissionQuestion, Permit, ask, is_decision

NO_ANSWER = "The permit function of the code that asks gave no answer."


class Decided(msgspec.Struct, frozen=True):
    """The answer to a question; ``reason`` is told to the model."""

    decision: PermissionDecision
    reason: str | None = None


class Asker:
    """Made on the thread that will wait. ``permit`` answers questions instead of the person.

    ``cell`` is the cell whose code asks, ``errands`` is what its thread does for the person while it waits.
    """

    def __init__(self, permit: Permit | None = None) -> None:
        self.errands = Errands()
        self.cell = running_cell()
        self._permit = permit
        self._console = None if permit is not None else console_of(self.cell)

    @property
    def can_be_asked(self) -> bool:
        """Whether there is somebody, or a function, who can say yes."""
        return self._permit is not None or self._console is not None

    @property
    def cell_id(self) -> str:
        """The cell whose code asks; empty where none does, or the front end names none."""
        return "" if self.cell is None else self.cell.id

    @property
    def front_end(self) -> str:
        """Who sent that cell to the kernel, in a page for instance; empty where none was."""
        return "" if self.cell is None else self.cell.front_end

    async def decide(self, question: PermissionQuestion, over: Over) -> Decided | None:
        """Yes or no; None where it is settled meanwhile. Runs on the background's loop."""
        try:
            answer = await self.errands.do(lambda: self._put(question, over), over)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it is no yes
            return self._refused(f"{type(error).__name__}: {error}")
        if answer is None and self._permit is None:
            return None
        return Decided(answer) if is_decision(answer) else self._refused(f"it returned {answer!r}")

    def say(self, words: str) -> None:
        """Tell the person something."""
        # In a notebook what goes to stderr looks like an error.
        self.errands.post(lambda: print(words, file=sys.stderr if self.cell is None else sys.stdout))

    def _put(self, question: PermissionQuestion, over: Over) -> object:
        if self._permit is not None:
            return self._permit(question)
        assert self._console is not None  # noqa: S101 - nobody asks who cannot be asked
        return ask(question, self._console, over)

    def _refused(self, why: str) -> Decided:
        words = (
            f"Whisperer took it for a no, since {'permit failed' if self._permit else 'nobody could be asked'}: {why}"
        )
        self.errands.post(lambda: warnings.warn(words, RuntimeWarning, stacklevel=2))
        return Decided("deny", NO_ANSWER if self._permit else "Nobody could be asked.")
