"""The last error of the user's own cells, as a question: what happened, where, and the cell."""

from __future__ import annotations

import linecache
import sys
import traceback
from itertools import groupby
from typing import Any

from IPython.core.error import UsageError

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.fenced import fenced
from whisperer_kernel.notebook.last_error import MAX_FRAMES, is_cell, told_of

MAX_CELL = 8_000
_WISH = "My cell failed. Say in a sentence or two why, then show the whole corrected cell."


class NothingToFix(WhispererError):
    """No cell of the user's has failed."""


class LastError:
    """Remembers the last error that was not about asking: a question that fails must not hide what it was about."""

    def __init__(self) -> None:
        self._error = _own(getattr(sys, "last_value", None))

    def note(self, result: Any) -> None:
        """A cell has ended; IPython's hook ``post_run_cell``, which has no result where a cell was interrupted."""
        if result is not None:
            self._error = _own(result.error_in_exec or result.error_before_exec) or self._error

    def question(self) -> str:
        """What an agent is asked about it. Raises ``NothingToFix``."""
        if self._error is None:
            raise NothingToFix("No cell of your code has failed in this kernel; there is nothing to fix.")
        error = told_of(self._error)
        cell = _cell_of(self._error)
        # Of the frames in the cell itself the cell shows enough; IPython's own help nobody.
        elsewhere = [frame for frame in error["traceback"] if frame["in"] != "a cell" and "IPython" not in frame["in"]]
        parts = [_WISH, fenced(error["message"]), *(["The cell:", fenced(cell, "python")] if cell else [])]
        parts += [f"In {frame['in']}, line {frame['line']}:\n{fenced(frame['code'])}" for frame in elsewhere]
        return "\n\n".join([*parts, *_lines_in_cells(self._error)])


def _lines_in_cells(error: BaseException) -> list[str]:
    """Where the error arose and whence that was called, of what is in cells; the cell is the one that was run."""
    passed = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    inside = [place for place in passed if is_cell(place[0])]
    # A recursion passes one line many times.
    places = [place for place, _ in groupby(inside)][-MAX_FRAMES:]
    if not places:
        return []
    told = [f"line {line} of {'the' if file == inside[0][0] else 'another'} cell" for file, line in reversed(places)]
    return [f"The error arose in {', called from '.join(told)}."]


def _own(error: BaseException | None) -> BaseException | None:
    """The error, unless it is ours or an interrupt."""
    return None if isinstance(error, WhispererError | UsageError | KeyboardInterrupt) else error


def _cell_of(error: BaseException) -> str:
    """The text of the cell that was run; empty where that is not known."""
    cells = ("".join(linecache.getlines(file)) for file in _files(error) if is_cell(file))
    return next(cells, "").rstrip()[:MAX_CELL]


def _files(error: BaseException) -> list[str]:
    """The files that the error came by, outermost first."""
    passed = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [*passed, error.filename] if isinstance(error, SyntaxError) and error.filename else passed
