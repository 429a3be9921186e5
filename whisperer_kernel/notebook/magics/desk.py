"""What the magics of one kernel share: its session, what its cells have asked, and the last answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.events import FinishReason
from whisperer_kernel.notebook.asker import Asker
from whisperer_kernel.notebook.caller import Caller
from whisperer_kernel.notebook.cell import running_cell
from whisperer_kernel.notebook.fenced import python_in
from whisperer_kernel.notebook.made_cells import MadeCells
from whisperer_kernel.notebook.magics.answer_output import answer_output
from whisperer_kernel.notebook.magics.asking import Asked, CellQuestions
from whisperer_kernel.notebook.magics.runnable import is_python
from whisperer_kernel.notebook.question import Question
from whisperer_kernel.notebook.reply import DEMO, ENDINGS
from whisperer_kernel.notebook.stream import ReplyStream
from whisperer_kernel.tools.cells import NewCell

INSERT_HINT = "`%whisper insert` puts the code into a cell below."


class Shell(Protocol):
    """What is used of IPython's shell."""

    user_ns: Mapping[str, Any]


class AskOptions(msgspec.Struct, frozen=True):
    """``again``: ask anew, whatever was answered before. ``insert``: put the answer's code into a cell below."""

    again: bool = False
    insert: bool = False


class Desk:
    """Made when the magics are registered; nothing is connected before the first question."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        # The session that chat and code share.
        self.caller = Caller(session=None, new=False, in_process=None)
        self._questions = CellQuestions()
        self._last_answer: str | None = None

    def ask(self, message: str, agent: str | None, options: AskOptions) -> None:
        """Have a question answered in the output of the cell that runs.

        Raises:
            NoSuchAgent, TurnFailed, and what else ``Whisperer.ask`` raises.
            KeyboardInterrupt: the cell was interrupted; the turn is cancelled.
        """
        question = Question(message, Asker(), agent)
        asked = self.caller.wait(lambda client: self._questions.look_up(client, question, again=options.again))
        self._last_answer = self._show(asked, options)
        if options.insert and asked.saved is None:
            # A saved answer's code was put in when it was fresh: run again, a notebook does not grow.
            self.insert()

    def insert(self) -> None:
        """Offer the Python of the last answer as a cell below; a block that is none is left out, and that is said.

        Raises ``InvalidParams`` where there is none.
        """
        if self._last_answer is None:
            raise InvalidParams("Nothing was answered here yet: ask first, with %%alice for instance.")
        found = python_in(self._last_answer)
        blocks = [block for block in found if is_python(block)]
        if not found:
            raise InvalidParams("There is no Python code in the last answer.")
        if not blocks:
            raise InvalidParams("The code in the last answer is no Python: nothing was put into a cell.")
        if left := len(found) - len(blocks):
            print(f"Left out, as no Python: {left} of the {len(found)} blocks of code in the last answer.")
        self.offer("\n\n".join(blocks))

    def offer(self, code: str) -> None:
        """Offer a cell below the one that runs, or at a console's next line; where there is no place, it is shown."""
        cell = running_cell()
        if cell is not None and not cell.offer(code):
            cell.show(MadeCells("Whisperer", [NewCell(type="code", source=code)]))

    def _show(self, asked: Asked, options: AskOptions) -> str:
        output = answer_output(asked.agent.name)
        if asked.saved is not None:
            output.grow(asked.saved.content)
            when = f"{asked.saved.ts[:16].replace('T', ' ')} UTC"
            saved = f"Saved answer of {when}: nothing was sent. `--again` asks anew."
            output.close([*_notes(asked, asked.saved.content, asked.saved.finish_reason), saved])
            return asked.saved.content
        stream = ReplyStream(self.caller, asked.begin, asked.question.asker.errands, lambda: output.rest_s)
        try:
            with stream:
                for chunk in stream:
                    output.grow(chunk)
        except BaseException as error:
            output.close([ENDINGS["cancelled"]] if isinstance(error, KeyboardInterrupt) else [])
            raise
        reply = stream.reply
        output.close(_notes(asked, reply.text, reply.finish_reason, is_inserted=options.insert))
        return reply.text


def _notes(asked: Asked, text: str, reason: FinishReason | None, *, is_inserted: bool = False) -> list[str]:
    """What is to be said below an answer."""
    notes = {
        ENDINGS.get(reason or "stop", ""): True,
        DEMO: asked.provider.demo,
        INSERT_HINT: not is_inserted and any(map(is_python, python_in(text))),
    }
    return [note for note, holds in notes.items() if note and holds]
