"""What the kernel carries out itself: looks into it, and test runs.

Everything is read on a thread of ours, also while a cell runs, and nothing of the user's namespace is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import without_surrogates
from whisperer_kernel.notebook.bounded import in_thread
from whisperer_kernel.notebook.looks import Looks, NotThere, Shell
from whisperer_kernel.tools.tests import TIMEOUT_S as TESTS_S
from whisperer_kernel.verify import kernelside
from whisperer_kernel.verify.isolated import Broken, Stop
from whisperer_kernel.verify.slicing import NothingToTest

LOOK_S = 5.0


class NotTold(WhispererError):
    """The kernel cannot tell what it was asked; the message says why."""


class KernelTools:
    """The tools by name; each takes the call's arguments and gives JSON text."""

    def __init__(self, shell: Shell) -> None:
        looks = self._looks = Looks(shell)
        self._looking: dict[str, Callable[..., Any]] = {
            "list_variables": looks.list_variables,
            "inspect_variable": looks.inspect_variable,
            "source_of": looks.source_of,
            "last_error": looks.last_error,
        }
        self._running: dict[str, Callable[..., Any]] = {
            "run_tests": self._run_tests,
            "record_behaviour": self._record_behaviour,
        }

    @property
    def names(self) -> list[str]:
        """What this kernel carries out."""
        return [*self._looking, *self._running]

    def is_run(self, name: str) -> bool:
        """Whether the tool runs code, in processes that end when nobody waits for the call any more."""
        return name in self._running

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Carry a call out; cancelled, end what it has begun. Raises ``WhispererError`` with the reason in words."""
        limit = TESTS_S if self.is_run(name) else LOOK_S
        try:
            result = await (self._run(name, arguments) if self.is_run(name) else self._look(name, arguments))
        except TimeoutError:
            raise NotTold(f"The kernel could not tell within {limit:g} s.") from None
        except (NotThere, NothingToTest, Broken) as error:
            raise NotTold(str(error)) from None
        # Text in a notebook may hold half a character.
        return msgspec.json.encode(without_surrogates(msgspec.to_builtins(result))).decode()

    async def _look(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return await in_thread(partial(self._looking[name], **arguments), LOOK_S)

    async def _run(self, name: str, arguments: Mapping[str, Any]) -> Any:
        stop = Stop()
        return await in_thread(partial(self._running[name], **arguments, stop=stop), TESTS_S, stop.set)

    def _run_tests(self, target: str, tests: str, stop: Stop) -> Any:
        return kernelside.run_tests(target, tests, self._looks.namespace(), self._looks.cells, stop)

    def _record_behaviour(self, target: str, stop: Stop) -> Any:
        return kernelside.characterisation(target, self._looks.namespace(), self._looks.cells, stop)
