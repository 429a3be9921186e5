"""What ``%load_ext whisperer_kernel`` puts into a shell, and ``%unload_ext`` takes out of it."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from IPython.core.magic import Magics

from whisperer_kernel.notebook.magics.agents import AgentMagics
from whisperer_kernel.notebook.magics.commands import WhisperCommands
from whisperer_kernel.notebook.magics.completion import Completion
from whisperer_kernel.notebook.magics.desk import Desk
from whisperer_kernel.notebook.magics.last_error import LastError
from whisperer_kernel.notebook.magics.reading import NoAutomagic, QuestionLine
from whisperer_kernel.notebook.magics.tests import TestMagics
from whisperer_kernel.notebook.magics.whisper import WhisperMagic

AFTER_CELL = "post_run_cell"


class Extension:
    """The magics of one shell, their completion, and what they have to know of its cells."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._last_error = LastError()
        desk = Desk(shell)
        self._magics: tuple[Magics, ...] = (
            TestMagics(shell),
            AgentMagics(shell, desk),
            WhisperMagic(shell, WhisperCommands(desk, self._last_error)),
        )
        self._completion = Completion(desk)
        self._no_automagic: NoAutomagic | None = None

    def install(self) -> None:
        """Put everything in."""
        self._shell.register_magics(*self._magics)
        self._shell.Completer.custom_matchers.append(self._completion.matcher)
        self._shell.events.register(AFTER_CELL, self._last_error.note)
        self._shell.input_transformer_manager.token_transformers.append(QuestionLine)
        self._no_automagic = NoAutomagic(self._shell)

    def remove(self) -> None:
        """Take everything out."""
        for magics in self._magics:
            for kind, names in magics.magics.items():
                for name in names:
                    self._shell.magics_manager.magics[kind].pop(name, None)
        self._shell.Completer.custom_matchers.remove(self._completion.matcher)
        self._shell.events.unregister(AFTER_CELL, self._last_error.note)
        self._shell.input_transformer_manager.token_transformers.remove(QuestionLine)
        if self._no_automagic is not None:
            self._shell.prefilter_manager.unregister_checker(self._no_automagic)


_installed: WeakKeyDictionary[Any, Extension] = WeakKeyDictionary()


def register(shell: Any) -> None:
    """Install it, once."""
    if shell not in _installed:
        _installed[shell] = Extension(shell)
        _installed[shell].install()


def unregister(shell: Any) -> None:
    """Remove it, if it is there."""
    if (extension := _installed.pop(shell, None)) is not None:
        extension.remove()
