"""An error of the user's code as data: what it says, and the lines around each place it came by."""

from __future__ import annotations

import linecache
import re
import traceback
from typing import Any

from whisperer_kernel.notebook.exact import type_name

MAX_FRAMES = 12
MAX_WORDS = 2_000
AROUND = 2

# A cell's file has another name in every process.
_CELL_FILE = re.compile(r'File "[^"\n]*(?:ipykernel_|<ipython)[^"\n]*"')


def told(error: BaseException) -> dict[str, Any]:
    """``error`` (its type), ``message`` and ``traceback``: file, function, line and code of each frame."""
    frames = [*traceback.walk_tb(error.__traceback__)][-MAX_FRAMES:]
    return {
        "error": type_name(error),
        "message": words(error),
        "traceback": [_frame(frame.f_code.co_filename, frame.f_code.co_name, line) for frame, line in frames],
    }


def words(error: BaseException) -> str:
    """What Python says of the error below a traceback."""
    said = "".join(traceback.format_exception_only(error)).strip()
    return _CELL_FILE.sub("In a cell", said)[:MAX_WORDS]


def files(error: BaseException) -> list[str]:
    """The files that the error came by, outermost first."""
    passed = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [*passed, error.filename] if isinstance(error, SyntaxError) and error.filename else passed


def is_cell(file: str) -> bool:
    """Whether this is how IPython names the file of a cell."""
    return "ipykernel_" in file or file.startswith("<ipython")


def _frame(file: str, function: str, line: int) -> dict[str, Any]:
    lines = linecache.getlines(file)
    first = max(1, line - AROUND)
    shown = [
        f"{'>' if number == line else ' '} {number}: {lines[number - 1].rstrip()[:200]}"
        for number in range(first, min(len(lines), line + AROUND) + 1)
    ]
    return {"in": "a cell" if is_cell(file) else file, "function": function, "line": line, "code": "\n".join(shown)}
