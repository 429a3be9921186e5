"""The last error in the kernel, told without asking it: an exception's ``__str__`` is code like any other."""

from __future__ import annotations

import builtins
import linecache
import traceback
from typing import Any

from whisperer_kernel.notebook.exact import inherits, is_exactly, own_name, type_name, whole
from whisperer_kernel.notebook.values import text_of

MAX_FRAMES = 12
MAX_MESSAGE = 2_000
AROUND = 2


def told_of(error: Any) -> dict[str, Any]:
    """Its type, its message, and the traceback with the lines around; ``{"error": None}`` where it is none."""
    if not inherits(error, BaseException):
        return {"error": None}
    frames = [*traceback.walk_tb(BaseException.__dict__["__traceback__"].__get__(error))][-MAX_FRAMES:]
    words = whole(_words(error)[:MAX_MESSAGE])
    return {
        "error": type_name(error),
        "message": f"{type_name(error)}: {words}" if words else type_name(error),
        "traceback": [_frame(frame.f_code.co_filename, frame.f_code.co_name, line) for frame, line in frames],
    }


def is_cell(file: str) -> bool:
    """Whether this is how IPython names the file of a cell."""
    return "ipykernel_" in file or file.startswith("<ipython")


def _words(error: BaseException) -> str:
    """What Python itself says of its own exceptions; of others what they were made with."""
    arguments = BaseException.__dict__["args"].__get__(error)
    if inherits(error, SyntaxError):
        return _of_syntax(error)
    if _is_builtin(error) and all(map(_is_plain, (*arguments, *_files(error)))):
        return str(error)
    if len(arguments) == 1:
        return arguments[0] if type(arguments[0]) is str else text_of(arguments[0], MAX_MESSAGE)
    return text_of(tuple(arguments), MAX_MESSAGE) if arguments else ""


def _of_syntax(error: BaseException) -> str:
    message, line, text = (SyntaxError.__dict__[name].__get__(error) for name in ("msg", "lineno", "text"))
    told = message if type(message) is str else text_of(message, MAX_MESSAGE)
    where = f" (line {line})" if type(line) is int else ""
    return f"{told}{where}" + (f"\n{text.rstrip()}" if type(text) is str else "")


def _files(error: BaseException) -> tuple[Any, ...]:
    names = ("filename", "filename2") if inherits(error, OSError) else ()
    return tuple(OSError.__dict__[name].__get__(error) for name in names)


def _is_builtin(error: BaseException) -> bool:
    return vars(builtins).get(own_name(type(error))) is type(error)


def _is_plain(value: Any) -> bool:
    return value is None or is_exactly(value, str, bytes, bool, int, float)


def _frame(file: str, function: str, line: int) -> dict[str, Any]:
    lines = linecache.getlines(file)
    first = max(1, line - AROUND)
    shown = [
        f"{'>' if number == line else ' '} {number}: {lines[number - 1].rstrip()[:200]}"
        for number in range(first, min(len(lines), line + AROUND) + 1)
    ]
    return {"in": "a cell" if is_cell(file) else file, "function": function, "line": line, "code": "\n".join(shown)}
