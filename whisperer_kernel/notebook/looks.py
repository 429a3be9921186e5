"""What is in a kernel: its variables, one of them, a definition's source, the last error. Read without touching it.

Of the standard library and of modules like it alone: where this package is not in the kernel's environment, the sources
of these modules are executed there (``jupyter_ext/look_program.py`` names them).
"""

from __future__ import annotations

import ast
import json
import sys
import time
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, Protocol

from whisperer_kernel.notebook.exact import (
    class_dict,
    inherits,
    instance_dict,
    is_class,
    mro,
    stored,
    type_name,
    whole,
)
from whisperer_kernel.notebook.last_error import told_of
from whisperer_kernel.notebook.tables import column, is_frame, place_of
from whisperer_kernel.notebook.values import MAX_TEXT, attributes, facts, text_of
from whisperer_kernel.verify.sources import Cells, source_of_class, source_of_function, unwrapped

LISTING_S = 0.15
"""Time of its own thread that looking at all variables may take; a cell that runs beside it does not count."""

MAX_VARIABLES = 200
MAX_RESULT = 18_000
NOTHING = object()


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
        """The user's variables with their facts; modules by name alone.

        Looking is bounded in time: what comes too late is told by its type alone.
        """
        own = list(self._own())
        modules = [name for name, value in own if type(name) is str and inherits(value, ModuleType)]
        rest = [(name, value) for name, value in own if not inherits(value, ModuleType)]
        until = time.thread_time() + LISTING_S
        told: list[dict[str, Any]] = []
        size = brief = 0
        for name, value in rest[:MAX_VARIABLES]:
            is_late = time.thread_time() > until
            entry = _entry(name, value, brief=is_late)
            size += len(json.dumps(entry))
            if size > MAX_RESULT:
                break
            told.append(entry)
            brief += is_late
        left = {"left out": len(rest) - len(told), "told by their type alone": brief}
        return {"variables": told, "modules": modules[:MAX_VARIABLES], **{word: n for word, n in left.items() if n}}

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
        elif is_class(value):
            source = source_of_class(value, self.cells)
        else:
            raise NotThere(f"{name} is no function or class, but of type {type_name(value)}.")
        if source is None:
            raise NotThere(f"The source of {name} cannot be read: it was not defined in a cell or a file.")
        return {"name": name, "source": source[:MAX_RESULT], "docstring": _docstring(source)}

    def last_error(self) -> dict[str, Any]:
        """The error that the last failing cell ended with."""
        return told_of(getattr(sys, "last_exc", None) or getattr(sys, "last_value", None))

    def namespace(self) -> dict[str, Any]:
        """A copy: the cell that runs may be changing it."""
        return dict(self._shell.user_ns)

    def _own(self) -> Iterator[tuple[Any, Any]]:
        hidden = self._shell.user_ns_hidden
        for key, value in self.namespace().items():
            # A key that is no plain text is no name, but what it holds is there.
            if type(key) is not str or (not key.startswith("_") and hidden.get(key, self) is not value):
                yield key, value

    def _value(self, name: str) -> Any:
        """A variable, or what a class or module or instance holds under a plain name. No property is evaluated."""
        first, *rest = name.split(".")
        value = stored(self.namespace(), first, NOTHING)
        if value is NOTHING:
            raise NotThere(f"There is no variable {first} in the kernel.")
        for part in rest:
            value = _part(value, part, name)
        return value

    def _newest_cells(self) -> Iterator[str]:
        yield from reversed(list(self._shell.history_manager.input_hist_parsed))


def _entry(key: Any, value: Any, *, brief: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"type": type_name(value)} if brief else facts(value)
    if type(key) is str:
        return {"name": whole(key), **told}
    return {"name": text_of(key, MAX_TEXT), **told, "problem": "its key in the namespace is no name"}


def _part(value: Any, part: str, name: str) -> Any:
    """What is stored in an instance, a module, or a class and those it inherits from."""
    classes = mro(value if is_class(value) else type(value))
    places = (
        [instance_dict(value)] if inherits(value, ModuleType) else [instance_dict(value), *map(class_dict, classes)]
    )
    found = next((held for place in places if (held := stored(place, part, NOTHING)) is not NOTHING), NOTHING)
    if found is NOTHING and is_frame(value) and (place := place_of(value, part)) is not None:
        return column(value, place)
    if found is NOTHING:
        raise NotThere(f"{name}: there is no plain attribute {part}.")
    if type(found) is property or type(found) is classmethod:
        raise NotThere(f"{name} would have to be evaluated.")
    return found.__func__ if type(found) is staticmethod else found


def _docstring(source: str) -> str | None:
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    return ast.get_docstring(node)
