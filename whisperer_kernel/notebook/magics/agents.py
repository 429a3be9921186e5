"""``%%alice``, ``%%patricia``, ``%%tessa``, ``%%ask AGENT``: a question in a cell, the answer below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from whisperer_kernel.notebook.magics.ask_line import taken
from whisperer_kernel.notebook.magics.desk import Desk
from whisperer_kernel.notebook.magics.interpolation import interpolated
from whisperer_kernel.notebook.magics.one_line import in_one_line

Method = TypeVar("Method", bound=Callable[..., None])

AGENT_MAGICS = ("alice", "patricia", "tessa")
ASK = "ask"
_USAGE = "%%{magic} [--again] [--insert], with the question in the cell, or %{magic} and the question in the line"
_HELP = """{what}

    %%{magic}
    What does {{name}} hold, and why are there gaps?

or in one line: ``%{magic} What is a left join?``

``{{name}}`` is filled in with the value of your variable: names, attributes and indices, as in ``{{df.shape}}`` or
``{{rows[0]}}``; ``{{{{name}}}}`` stands for the braces themselves. Braces of code stay as they are.

A cell that is run again and asks the same of the same agent and model shows the answer that it got: nothing is sent.

Options, before the question:
    --again   ask anew
    --insert  put the code of the answer into a cell below (later: ``%whisper insert``)

Interrupting the cell ends the answer. More: ``%whisper help``.
"""


def _documented(what: str) -> Callable[[Method], Method]:
    """What ``%alice?`` shows: what this magic does, and what is common to all of them."""

    def document(method: Method) -> Method:
        name = method.__name__
        method.__doc__ = _HELP.format(what=what, magic=f"{name} AGENT" if name == ASK else name)
        return method

    return document


@magics_class
class AgentMagics(Magics):
    """The magics that ask, as IPython registers them. Text in braces is ours to fill in, not IPython's."""

    def __init__(self, shell: Any, desk: Desk) -> None:
        super().__init__(shell)
        self._desk = desk

    @no_var_expand
    @line_cell_magic
    @_documented("Ask Alice, who explains code and data, finds mistakes and proposes code.")
    def alice(self, line: str, cell: str | None = None) -> None:  # noqa: D102 - see `_documented`
        self._ask("alice", "alice", line, cell)

    @no_var_expand
    @line_cell_magic
    @_documented("Ask Patricia, who plans: small steps, each with a check that can be run.")
    def patricia(self, line: str, cell: str | None = None) -> None:  # noqa: D102 - see `_documented`
        self._ask("patricia", "patricia", line, cell)

    @no_var_expand
    @line_cell_magic
    @_documented("Ask Tessa, who writes the tests that a function needs and runs them.")
    def tessa(self, line: str, cell: str | None = None) -> None:  # noqa: D102 - see `_documented`
        self._ask("tessa", "tessa", line, cell)

    @no_var_expand
    @line_cell_magic
    @_documented("Ask an agent, one of your own as well: ``%%ask AGENT``, with her id or name (``%whisper agents``).")
    def ask(self, line: str, cell: str | None = None) -> None:  # noqa: D102 - see `_documented`
        agent, _, rest = line.strip().partition(" ")
        if not agent or agent.startswith("--"):
            raise UsageError("Who is to be asked? %%ask tessa, for instance; %whisper agents lists them.")
        self._ask(agent, ASK, rest, cell)

    def _ask(self, agent: str, magic: str, line: str, cell: str | None) -> None:
        usage = _USAGE.format(magic=f"{magic} AGENT" if magic == ASK else magic)
        options, beginning = taken(line, usage)
        text = f"{beginning}\n{cell or ''}".strip()
        if not text:
            raise UsageError(f"There is no question. Usage: {usage}")
        with in_one_line():
            self._desk.ask(interpolated(text, self._desk.shell.user_ns), agent, options)
