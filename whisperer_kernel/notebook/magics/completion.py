"""Tab completion in the lines of the magics: subcommands, options, agents, models, modes, formats, functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from types import FunctionType
from typing import Any

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.caller import Operation
from whisperer_kernel.notebook.magics.agents import AGENT_MAGICS, ASK
from whisperer_kernel.notebook.magics.ask_line import OPTIONS
from whisperer_kernel.notebook.magics.commands import COMMANDS, MODES
from whisperer_kernel.notebook.magics.desk import Desk
from whisperer_kernel.notebook.magics.export_file import FORMATS
from whisperer_kernel.notebook.session_client import SessionClient

# Whoever presses Tab waits for no server that is slow.
PATIENCE_S = 2.0
HOOK = "complete_command"


class Completion:
    """Knows what may come next in a line."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._after: dict[str, Callable[[], Iterable[str]]] = {
            "switch": self._agents,
            "history": self._agents,
            "clear": self._agents,
            "fix": lambda: [*OPTIONS, *self._agents()],
            "model": self._models,
            "mode": lambda: MODES,
            "export": lambda: FORMATS,
            "tests": self._functions,
        }

    def hooks(self) -> dict[str, Callable[[Any, Any], list[str]]]:
        """For the first word of a line, the hook as IPython calls it."""
        asking = {f"{sign}{name}": self._options for name in AGENT_MAGICS for sign in ("%", "%%")}
        anybody = {f"{sign}{ASK}": self._whom for sign in ("%", "%%")}
        return {word: _hook(words) for word, words in {"%whisper": self._whisper, **asking, **anybody}.items()}

    def _whisper(self, before: list[str]) -> Iterable[str]:
        if not before:
            return COMMANDS
        return self._after.get(before[0], tuple)()

    def _options(self, before: list[str]) -> Iterable[str]:
        return OPTIONS if all(word in OPTIONS for word in before) else ()

    def _whom(self, before: list[str]) -> Iterable[str]:
        return self._options(before[1:]) if before else self._agents()

    def _agents(self) -> list[str]:
        return [agent.agent_id for agent in self._soon(SessionClient.agents, [])]

    def _models(self) -> list[str]:
        return [model.id for model in self._soon(SessionClient.models, [])]

    def _functions(self) -> list[str]:
        namespace = dict(self._desk.shell.user_ns)
        return [name for name, value in namespace.items() if type(value) is FunctionType and not name.startswith("_")]

    def _soon(self, operation: Operation[Any], otherwise: Any) -> Any:
        """What the session says, if it does so in time. What stands in the way is told to whoever asks something."""
        try:
            return self._desk.caller.glance(operation, PATIENCE_S)
        except (WhispererError, TimeoutError, CancelledError):
            return otherwise


def _hook(words: Callable[[list[str]], Iterable[str]]) -> Callable[[Any, Any], list[str]]:
    def complete(_shell: Any, event: Any) -> list[str]:
        *before, begun = event.text_until_cursor.split(" ")
        # IPython completes what stands behind the last of its delimiters, a colon for instance.
        settled = len(begun) - len(event.symbol)
        given = [word for word in before[1:] if word]
        return [word[settled:] for word in words(given) if word.startswith(begun)] if before else []

    return complete
