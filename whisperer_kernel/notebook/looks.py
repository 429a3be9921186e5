"""What is in a kernel: its variables, one of them, a definition's source, the last error. Read without touching it.

Of the standard library and of two modules like it alone: where this package is not in the kernel's environment, the
sources of these three are executed there.
"""

from __future__ import annotations

import ast
import json
import linecache
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, Protocol

from whisperer_kernel.notebook.values import attributes, facts, text_of, type_name
from whisperer_kernel.verify.sources import Cells, source_of_class, source_of_function, unwrapped

MAX_VARIABLES = 200
MAX_RESULT = 18_000
MAX_FRAMES = 12
MAX_WORDS = 2_000
AROUND = 2

# A cell's file has another name in every process.
_CELL_FILE = re.compile(r'File "[^"\n]*(?:ipykernel_|<ipython)[^"\n]*"')


class Shell(Protocol):
    """What is used of IPython's shell, and only to read."""

    user_ns: dict[str, Any]
    user_ns_hidden: dict[str, Any]
    history_manager: Any


class NotThere(Exception):
    """What was asked for is not in the kernel."""


class Looks:
    """The tools that look, by name; each takes the call's arguments and gives a JSON value."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.cells = Cells(self._newest_cells)

    def list_variables(self) -> dict[str, Any]:
        """The user's variables with their facts; modules by name alone."""
        own = dict(self._own())
        modules = [name for name, value in own.items() if type(value) is ModuleType]
        rest = [name for name in own if name not in set(modules)]
        told: list[dict[str, Any]] = []
        size = 0
        for name in rest[:MAX_VARIABLES]:
            entry = {"name": name, **facts(own[name])}
            size += len(json.dumps(entry))
            if size > MAX_RESULT:
                break
            told.append(entry)
        left = len(rest) - len(told)
        return {"variables": told, "modules": modules[:MAX_VARIABLES], **({"left out": left} if left else {})}

    def inspect_variable(self, name: str) -> dict[str, Any]:
        """One variable: facts, its value's beginning, its plain attributes."""
        value = self._value(name)
        told = {"name": name, **facts(value), "value": text_of(value)}
        stored = attributes(value)
        return {**told, "attributes": stored} if stored and not told.get("shape") else told

    def source_of(self, name: str) -> dict[str, Any]:
        """Source and docstring of a function or class."""
        value = unwrapped(self._value(name))
        if type(value) is FunctionType:
            source = source_of_function(value)
        elif type in type.__dict__["__mro__"].__get__(type(value)):
            source = source_of_class(value, self.cells)
        else:
            raise NotThere(f"{name} is no function or class, but of type {type_name(value)}.")
        if source is None:
            raise NotThere(f"The source of {name} cannot be read: it was not defined in a cell or a file.")
        return {"name": name, "source": source[:MAX_RESULT], "docstring": _docstring(source)}

    def last_error(self) -> dict[str, Any]:
        """The error that the last failing cell ended with."""
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        return {"error": None} if error is None else failure(error)

    def namespace(self) -> dict[str, Any]:
        """A copy: the cell that runs may be changing it."""
        return dict(self._shell.user_ns)

    def _own(self) -> Iterator[tuple[str, Any]]:
        hidden = self._shell.user_ns_hidden
        for name, value in self.namespace().items():
            if not name.startswith("_") and hidden.get(name, self) is not value:
                yield name, value

    def _value(self, name: str) -> Any:
        """A variable, or what a class or module or instance holds under a plain name. No property is evaluated."""
        first, *rest = name.split(".")
        namespace = self.namespace()
        if first not in namespace:
            raise NotThere(f"There is no variable {first} in the kernel.")
        value = namespace[first]
        for part in rest:
            value = _stored(value, part, name)
        return value

    def _newest_cells(self) -> Iterator[str]:
        yield from reversed(list(self._shell.history_manager.input_hist_parsed))


def _stored(value: Any, part: str, name: str) -> Any:
    places = [value] if type(value) is ModuleType else [value, *_mro(value)]
    for place in places:
        try:
            held = vars(place) if type(place) is ModuleType else _own_dict(place)
        except (AttributeError, TypeError):
            continue
        if part in held:
            found = held[part]
            if type(found) in {property, classmethod}:
                raise NotThere(f"{name} would have to be evaluated.")
            return found.__func__ if type(found) is staticmethod else found
    if type(value) is not ModuleType and _is_column(value, part):
        return value[part]
    raise NotThere(f"{name}: there is no plain attribute {part}.")


def _mro(value: Any) -> tuple[type, ...]:
    is_class = type in type.__dict__["__mro__"].__get__(type(value))
    mro: tuple[type, ...] = type.__dict__["__mro__"].__get__(value if is_class else type(value))
    return mro


def _own_dict(place: Any) -> Mapping[str, Any]:
    if type in type.__dict__["__mro__"].__get__(type(place)):
        held: Mapping[str, Any] = type.__dict__["__dict__"].__get__(place)
        return held
    held = object.__getattribute__(place, "__dict__")
    return held if type(held) is dict else {}


def _is_column(value: Any, part: str) -> bool:
    known = facts(value).get("columns")
    return isinstance(known, dict) and part in known


def _docstring(source: str) -> str | None:
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    return ast.get_docstring(node)


def failure(error: BaseException) -> dict[str, Any]:
    """``error`` (its type), ``message`` and ``traceback``: file, function, line and code around it, for each frame."""
    frames = [*traceback.walk_tb(error.__traceback__)][-MAX_FRAMES:]
    said = "".join(traceback.format_exception_only(error)).strip()
    return {
        "error": type_name(error),
        "message": _CELL_FILE.sub("In a cell", said)[:MAX_WORDS],
        "traceback": [_frame(frame.f_code.co_filename, frame.f_code.co_name, line) for frame, line in frames],
    }


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
