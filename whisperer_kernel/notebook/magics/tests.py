"""``%%tests``: pytest on a cell, against what is defined in the kernel."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.display import display

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.results import Results
from whisperer_kernel.verify.cellrun import run_cell

STRICT = "--strict"
USAGE = f"%%tests [{STRICT}], with pytest functions in the cell"


class TestsFailed(WhispererError):
    """Tests of a ``%%tests --strict`` cell did not pass; the message counts them."""

    def _render_traceback_(self) -> list[str]:
        """The report stands above; how the magic was called helps nobody."""
        return [f"{type(self).__name__}: {self}"]


@magics_class
class TestMagics(Magics):
    """The magics, as IPython registers them."""

    @cell_magic
    def tests(self, line: str, cell: str) -> None:
        """Run the cell's pytest functions against what is defined in the notebook.

        ``%%tests`` shows a report; ``%%tests --strict`` raises ``TestsFailed`` as well where one did not pass. The
        tests have a namespace of their own: your names, ``test_*`` among them, stay as they are.
        """
        strict = _strict(line)
        if not cell.strip():
            raise UsageError(f"There are no tests in this cell. Usage: {USAGE}")
        shell = self.shell
        if shell is None:
            raise UsageError("%%tests needs a running IPython.")
        with tempfile.TemporaryDirectory(prefix="whisperer-") as folder:
            outcomes = run_cell(Path(folder), cell, dict(shell.user_ns))
        results = Results(outcomes)
        display(results)  # type: ignore[no-untyped-call]
        if strict and not results.all_passed:
            raise TestsFailed(f"Tests did not pass: {results.counted}.")


def _strict(line: str) -> bool:
    try:
        given = shlex.split(line)
    except ValueError:
        given = [line]
    if wrong := [argument for argument in given if argument != STRICT]:
        raise UsageError(f"%%tests does not know {wrong[0]!r}. Usage: {USAGE}")
    return STRICT in given
