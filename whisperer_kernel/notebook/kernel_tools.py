"""What the kernel carries out itself: looks into it, and test runs.

Everything is read on a thread of ours, also while a cell runs, and nothing of the user's namespace is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.bounded import in_thread
from whisperer_kernel.notebook.looks import Looks, NotThere, Shell
from whisperer_kernel.tools.tests import TIMEOUT_S as TESTS_S
from whisperer_kernel.verify import kernelside
from whisperer_kernel.verify.isolated import Broken
from whisperer_kernel.verify.slicing import NothingToTest

LOOK_S = 5.0


class NotTold(WhispererError):
    """The kernel cannot tell what it was asked; the message says why."""


class KernelTools:
    """The tools by name; each takes the call's arguments and gives JSON text."""

    def __init__(self, shell: Shell) -> None:
        self._looks = Looks(shell)
        self._tools: dict[str, tuple[Callable[..., Any], float]] = {
            "list_variables": (self._looks.list_variables, LOOK_S),
            "inspect_variable": (self._looks.inspect_variable, LOOK_S),
            "source_of": (self._looks.source_of, LOOK_S),
            "last_error": (self._looks.last_error, LOOK_S),
            "run_tests": (self._run_tests, TESTS_S),
            "record_behaviour": (self._record_behaviour, TESTS_S),
        }

    @property
    def names(self) -> list[str]:
        """What this kernel carries out."""
        return list(self._tools)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Carry a call out. Raises ``WhispererError`` with the reason in words."""
        tool, limit = self._tools[name]
        try:
            result = await in_thread(partial(tool, **arguments), limit)
        except TimeoutError:
            raise NotTold(f"The kernel could not tell within {limit:g} s.") from None
        except (NotThere, NothingToTest, Broken) as error:
            raise NotTold(str(error)) from None
        return msgspec.json.encode(result).decode()

    def _run_tests(self, target: str, tests: str) -> Any:
        return kernelside.run_tests(target, tests, self._looks.namespace(), self._looks.cells)

    def _record_behaviour(self, target: str) -> Any:
        return kernelside.characterisation(target, self._looks.namespace(), self._looks.cells)
