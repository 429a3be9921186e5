"""Where the source of what is defined in a notebook is found: by its code object, else in the cells that were run.

Nothing of the object is executed: no property, no ``__getattr__`` of a class that the user wrote.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

MAX_CELLS = 2_000
MAX_WRAPPERS = 20

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Cells:
    """The text of the cells that were run. ``newest_first`` is asked when a definition has to be looked for."""

    def __init__(self, newest_first: Callable[[], Iterable[str]] = tuple) -> None:
        self._newest_first = newest_first

    def definition(self, name: str, kind: tuple[type[ast.stmt], ...]) -> str | None:
        """The newest statement at the top of a cell that defines ``name``."""
        for number, cell in enumerate(self._newest_first()):
            if number >= MAX_CELLS:
                return None
            if name in cell and (found := next(_defining(cell, name, kind), None)) is not None:
                return found
        return None


def source_of_function(function: FunctionType) -> str | None:
    """Its source with decorators, at the margin; None where there is none (made by ``exec``, by C)."""
    return _source_of_code(function.__code__)


def source_of_class(cls: type, cells: Cells) -> str | None:
    """The source of a class: around one of its methods, else in the cells."""
    name = type.__dict__["__name__"].__get__(cls)
    for value in list(type.__dict__["__dict__"].__get__(cls).values()):
        if type(value) is FunctionType:
            found = _around(value.__code__, name)
            if found is not None:
                return found
    return cells.definition(name, (ast.ClassDef,))


def unwrapped(value: Any) -> Any:
    """What a decorator that follows ``functools.wraps`` has wrapped, ``lru_cache`` too."""
    for _ in range(MAX_WRAPPERS):
        # Only of types that are known to hold it as a plain attribute.
        if type(value) is not FunctionType and type.__dict__["__module__"].__get__(type(value)) != "functools":
            return value
        inner = inspect.getattr_static(value, "__wrapped__", None)
        if inner is None:
            return value
        value = inner
    return value


def _source_of_code(code: CodeType) -> str | None:
    lines = linecache.getlines(code.co_filename)
    if not lines:
        return None
    try:
        block = inspect.getblock(lines[code.co_firstlineno - 1 :])
    except (IndexError, SyntaxError, IndentationError, ValueError):
        return None
    source = textwrap.dedent("".join(block)).rstrip("\n") + "\n"
    return source if _parses(source) else None


def _around(code: CodeType, name: str) -> str | None:
    """The class of this name in whose lines the code stands."""
    text = "".join(linecache.getlines(code.co_filename))
    tree = _parsed(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.ClassDef) and node.name == name:
            lines = range(_first(node), (node.end_lineno or 0) + 1)
            if code.co_firstlineno in lines:
                return _text(text, node)
    return None


def _defining(cell: str, name: str, kind: tuple[type[ast.stmt], ...]) -> Iterator[str]:
    tree = _parsed(cell)
    for node in reversed(tree.body) if tree else ():
        if isinstance(node, kind) and name in _bound(node):
            yield _text(cell, node)


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, Definition):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _text(source: str, node: ast.stmt) -> str:
    lines = source.split("\n")
    return textwrap.dedent("\n".join(lines[_first(node) - 1 : node.end_lineno])) + "\n"


def _first(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _parses(source: str) -> bool:
    return _parsed(source) is not None
