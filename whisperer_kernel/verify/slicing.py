"""What a function or class of a notebook needs, as a module of its own: definitions, imports and plain values.

Names are resolved through the kernel's namespace, so a definition is the one in force, whatever cells say. What cannot
be had is named: nothing is made up.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import msgspec

from whisperer_kernel.verify.sources import Cells, source_of_class, source_of_function, unwrapped

MAX_NAMES = 300
MAX_LITERAL = 10_000
FUTURE_ANNOTATIONS = 0x1000000


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """``source`` is a module. ``missing`` names what could not be had and why, ``notes`` what was made anew."""

    target: str
    source: str
    definition: str
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class NothingToTest(Exception):
    """There is no function or class of this name whose source can be had; the message says why."""


def slice_of(target: str, namespace: Mapping[str, Any], cells: Cells) -> Slice:
    """The slice for a function or class of the namespace, or a method ``Class.method``. Raises ``NothingToTest``."""
    root = target.split(".", maxsplit=1)[0]
    if root not in namespace:
        raise NothingToTest(f"There is no {root} in the kernel; run the cell that defines it first.")
    slicer = _Slicer(namespace, cells)
    slicer.add(root)
    if root not in slicer.definitions and root not in slicer.imported:
        raise NothingToTest(f"{root} is no function or class whose source can be read.")
    return Slice(
        target=target,
        source=slicer.module(),
        definition=slicer.definitions.get(root, ""),
        missing=tuple(slicer.missing),
        notes=tuple(slicer.notes),
    )


class _Slicer:
    """Collects, dependencies first. ``definitions`` are sources by name."""

    def __init__(self, namespace: Mapping[str, Any], cells: Cells) -> None:
        self._namespace = namespace
        self._cells = cells
        self._seen: set[str] = set()
        self._parts: list[str] = []
        self._imports: list[str] = []
        self._future = False
        self.definitions: dict[str, str] = {}
        self.imported: set[str] = set()
        self.missing: list[str] = []
        self.notes: list[str] = []

    def module(self) -> str:
        future = ["from __future__ import annotations\n"] if self._future else []
        return "\n".join([*future, *self._imports, "", *self._parts])

    def add(self, name: str) -> None:
        """The name and what it needs; a name that is no global of the notebook is Python's own, or missing."""
        if name in self._seen:
            return
        self._seen.add(name)
        if len(self._seen) > MAX_NAMES:
            self.missing.append(f"{name}: more than {MAX_NAMES} names are needed")
        elif name in self._namespace:
            self._add_value(name, self._namespace[name])
        elif not hasattr(builtins, name) and not name.startswith("__"):
            self.missing.append(f"{name}: is not defined")

    def _add_value(self, name: str, value: Any) -> None:
        inner = unwrapped(value)
        if type(value) is ModuleType:
            self._import(name, f"import {value.__name__} as {name}" if value.__name__ != name else f"import {name}")
        elif type(inner) is FunctionType and inner.__module__ == "__main__":
            self._function(name, inner)
        elif _is_class(inner) and inner.__module__ == "__main__":
            self._define(name, inner.__name__, source_of_class(inner, self._cells))
        elif (line := _import_line(name, value)) is not None:
            self._import(name, line)
        elif (literal := _literal(value)) is not None:
            self._parts.append(f"{name} = {literal}\n")
        else:
            self._assigned(name, value)

    def _function(self, name: str, function: FunctionType) -> None:
        self._future = self._future or bool(function.__code__.co_flags & FUTURE_ANNOTATIONS)
        for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            self._enclosed(free, cell)
        self._define(name, function.__name__, source_of_function(function))

    def _enclosed(self, name: str, cell: Any) -> None:
        """A name that a function has from the function around it becomes a global of the slice."""
        if name in self._seen or name == "__class__":
            return
        self._seen.add(name)
        try:
            self._add_value(name, cell.cell_contents)
        except ValueError:
            self.missing.append(f"{name}: has no value yet in the function around it")

    def _define(self, name: str, own_name: str, source: str | None) -> None:
        if source is None:
            self.missing.append(f"{name}: its source cannot be read")
            return
        if source.lstrip().startswith(("def ", "async def ", "class ", "@")):
            for needed in _globals_of(source):
                if needed != own_name:
                    self.add(needed)
            alias = "" if name == own_name else f"{name} = {own_name}\n"
        else:
            # A lambda: the statement that made it.
            self._assigned(name, None)
            return
        self.definitions[name] = source
        self._parts.append(source + alias)

    def _assigned(self, name: str, value: Any) -> None:
        """A value that cannot be written down: by the statement of a cell that made it, which is said."""
        source = self._cells.definition(name, (ast.Assign, ast.AnnAssign))
        if source is None:
            self.missing.append(f"{name}: a value of type {type(value).__name__} that cannot be written down")
            return
        for needed in _globals_of(source):
            if needed != name:
                self.add(needed)
        self.definitions[name] = source
        self.notes.append(f"{name} is made anew: {source.splitlines()[0][:100]}")
        self._parts.append(source)

    def _import(self, name: str, line: str) -> None:
        self.imported.add(name)
        self._imports.append(line)


def _globals_of(source: str) -> list[str]:
    """The names that the statements take from the module they stand in."""
    try:
        table = symtable.symtable(source, "<slice>", "exec")
    except (SyntaxError, ValueError):
        return []
    return list(dict.fromkeys(_used(table, top=True)))


def _used(table: symtable.SymbolTable, *, top: bool) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or top) and not (top and symbol.is_assigned()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _used(child, top=False)


def _import_line(name: str, value: Any) -> str | None:
    """How the value is imported, where it is the public name of a module."""
    if not (_is_class(value) or type(value) in {FunctionType, BuiltinFunctionType}):
        return None
    module, own = value.__module__, value.__name__
    if not isinstance(module, str) or module in {"__main__", "builtins"}:
        return None
    if getattr(sys.modules.get(module), own, None) is not value:
        return None
    return f"from {module} import {own}" + ("" if own == name else f" as {name}")


def _literal(value: Any) -> str | None:
    if not _is_plain(value):
        return None
    text = repr(value)
    return text if len(text) <= MAX_LITERAL else None


def _is_plain(value: Any, depth: int = 0) -> bool:
    if depth > 5:  # noqa: PLR2004 - deeper than that nobody writes a constant
        return False
    if type(value) in {list, tuple, set, frozenset} and len(value) <= MAX_LITERAL:
        return all(_is_plain(item, depth + 1) for item in value)
    if type(value) is dict and len(value) <= MAX_LITERAL:
        return all(_is_plain(item, depth + 1) for pair in value.items() for item in pair)
    if type(value) is float:
        return value - value == 0
    if type(value) is int:
        return value.bit_length() < MAX_LITERAL
    return value is None or value is Ellipsis or type(value) in {bool, complex, str, bytes}


def _is_class(value: Any) -> bool:
    return type in type.__dict__["__mro__"].__get__(type(value))
