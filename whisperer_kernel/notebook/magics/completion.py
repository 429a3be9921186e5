"""Tab completion in the lines of the magics: subcommands, options, agents, models, modes, formats, functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from types import FunctionType
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.caller import Operation
from whisperer_kernel.notebook.magics.agents import AGENT_MAGICS, ASK
from whisperer_kernel.notebook.magics.ask_line import OPTIONS
from whisperer_kernel.notebook.magics.commands import COMMANDS
from whisperer_kernel.notebook.magics.desk import Desk
from whisperer_kernel.notebook.magics.export_file import FORMATS
from whisperer_kernel.notebook.magics.session_lines import MODES, offers
from whisperer_kernel.notebook.session_client import SessionClient

# Whoever presses Tab waits for no server that is slow.
PATIENCE_S = 2.0
WHISPER = "whisper"


class Completion:
    """Knows what may come next in a line."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # By the first word of the line, and behind ``%whisper`` by the second: takes the words given since.
        self._magics: dict[str, Callable[[list[str]], Iterable[str]]] = {
            WHISPER: self._whisper,
            ASK: self._whom,
            **dict.fromkeys(AGENT_MAGICS, self._options),
        }
        self._commands: dict[str, Callable[[], Iterable[str]]] = {
            "switch": self._agents,
            "history": self._agents,
            "clear": self._agents,
            "fix": lambda: [*OPTIONS, *self._agents()],
            "model": self._models,
            "provider": self._providers,
            "mode": lambda: MODES,
            "export": lambda: FORMATS,
            "tests": self._functions,
        }

        @context_matcher(identifier="whisperer")  # type: ignore[untyped-decorator] # IPython's has no types
        def matcher(context: CompletionContext) -> SimpleMatcherResult:
            return self._completed(context.text_until_cursor)

        self.matcher = matcher

    def _completed(self, line: str) -> SimpleMatcherResult:
        magic, *given = line.split(" ")
        complete = self._magics.get(magic.removeprefix("%").removeprefix("%")) if magic.startswith("%") else None
        if complete is None or not given:
            return {"completions": []}
        *before, begun = given
        words = [word for word in complete([each for each in before if each]) if word.startswith(begun)]
        return {
            "completions": [SimpleCompletion(text=word, type="magic") for word in words],
            "matched_fragment": begun,
            "suppress": True,
        }

    def _whisper(self, before: list[str]) -> Iterable[str]:
        return self._commands.get(before[0], tuple)() if before else COMMANDS

    def _options(self, before: list[str]) -> Iterable[str]:
        return [option for option in OPTIONS if option not in before] if {*before} <= {*OPTIONS} else ()

    def _whom(self, before: list[str]) -> Iterable[str]:
        return self._options(before[1:]) if before else self._agents()

    def _agents(self) -> list[str]:
        return [agent.agent_id for agent in self._soon(lambda client: client.cast.all(), [])]

    def _models(self) -> list[str]:
        return [model.id for model in self._soon(SessionClient.models, [])]

    def _providers(self) -> list[str]:
        return [offer.name for offer in self._soon(offers, [])]

    def _functions(self) -> list[str]:
        namespace = dict(self._desk.shell.user_ns)
        return [name for name, value in namespace.items() if type(value) is FunctionType and not name.startswith("_")]

    def _soon(self, operation: Operation[Any], otherwise: Any) -> Any:
        """What the session says, if it does so in time. What stands in the way is told to whoever asks something."""
        try:
            return self._desk.caller.glance(operation, PATIENCE_S)
        except (WhispererError, TimeoutError, CancelledError):
            return otherwise
