"""``%whisper``: the session from a cell."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from whisperer_kernel.harmless import harmless
from whisperer_kernel.notebook.magics.commands import WhisperCommands
from whisperer_kernel.notebook.magics.one_line import in_one_line


@magics_class
class WhisperMagic(Magics):
    """The magic, as IPython registers it."""

    def __init__(self, shell: Any, commands: WhisperCommands) -> None:
        super().__init__(shell)
        self._commands = commands

    @no_var_expand
    @line_magic
    def whisper(self, line: str) -> None:
        """Look at the conversation with the agents and change how it goes on: ``%whisper status``, for instance.

        agents, switch, status, model, provider, mode, history, clear, export, stop, fix, tests, insert;
        ``%whisper help`` says what each does.
        """
        with in_one_line():
            if said := self._commands.run(line):
                print(harmless(said))
