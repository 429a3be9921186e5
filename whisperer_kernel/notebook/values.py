"""Looks at values without running code of theirs: no property, no ``__repr__`` of a class that a user wrote.

What is known by its type (numbers, text, containers, numpy, pandas, polars) is read by that type; of anything else the
type and the plain attributes are told. Whatever the value, the text is bounded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import islice
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

MAX_ITEMS = 20
MAX_COLUMNS = 60
MAX_DEPTH = 3
MAX_TEXT = 300
MAX_WHOLE = 8_000
MAX_BITS = 4_096

_GETATTR = object.__getattribute__


def type_name(value: object) -> str:
    """The type's own name, whatever its metaclass says; with its module where that is not obvious."""
    cls = type(value)
    name: str = type.__dict__["__name__"].__get__(cls)
    module = type.__dict__["__module__"].__get__(cls) if cls.__flags__ else ""
    return (
        name
        if module in {"builtins", "__main__", ""} or not isinstance(module, str)
        else f"{module.split('.')[0]}.{name}"
    )


def is_a(value: object, module: str, name: str) -> bool:
    """Whether the value is of the class ``module.name``, if that module was ever loaded; asks the value nothing."""
    loaded = sys.modules.get(module)
    cls = None if loaded is None else vars(loaded).get(name)
    return cls is not None and cls in type.__dict__["__mro__"].__get__(type(value))


def facts(value: Any) -> dict[str, Any]:
    """``type`` and, by it, what there is of shape, dtype, columns, length, size in bytes, signature and value."""
    told: dict[str, Any] = {"type": type_name(value)}
    for matches, read in _KNOWN:
        if matches(value):
            try:
                return {**told, **read(value)}
            except Exception as error:  # noqa: BLE001 - a value in a bad state is still there
                return {**told, "problem": f"{type(error).__name__} while it was read"}
    return told


def text_of(value: Any, limit: int = MAX_WHOLE) -> str:
    """The value as text, at most ``limit`` characters; what was left out is said."""
    text = _shown(value, 0)
    return text if len(text) <= limit else f"{text[:limit]}… [cut: {len(text) - limit:,} characters]"


def attributes(value: Any) -> dict[str, str]:
    """The instance's own attributes as they are stored; a property is not among them."""
    try:
        stored = _GETATTR(value, "__dict__")
    except AttributeError:
        return {}
    if type(stored) is not dict:
        return {}
    return {str(name)[:MAX_TEXT]: _shown(item, 1) for name, item in islice(list(stored.items()), MAX_ITEMS)}


def _shown(value: Any, depth: int) -> str:
    for matches, show in _SHOWN:
        if matches(value):
            return show(value, depth)
    return _of_unknown(value, depth)


def _is_spoken(value: Any) -> bool:
    """Whether it is of a library's class, and of no subclass, whose ``str`` is short and harmless."""
    kinds = ((sys.modules.get(module), names) for module, names in _SPOKEN.items())
    if any(type(value) is vars(module).get(name) for module, names in kinds if module for name in names):
        return True
    pandas = sys.modules.get("pandas")
    return pandas is not None and value is vars(pandas).get("NaT")


def _int(value: int, _depth: int) -> str:
    return repr(value) if value.bit_length() <= MAX_BITS else f"<an int of {value.bit_length():,} bits>"


def _series(series: Any, depth: int) -> str:
    return f"{_list(series.iloc[:MAX_ITEMS].tolist(), depth)}{_more(len(series))}"


def _array(array: Any, depth: int) -> str:
    flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
    return f"{_list(flat[:MAX_ITEMS].tolist(), depth)}{_more(array.size)}"


def _rows(frame: Any, depth: int) -> str:
    return "\n".join(_list(row, depth) for row in frame.head(MAX_ITEMS).rows())


def _generic(value: Any, depth: int) -> str:
    return _shown(value.item(), depth + 1) if depth < MAX_DEPTH else f"<{type_name(value)}>"


def _of_unknown(value: Any, depth: int) -> str:
    name = type_name(value)
    if type(value) in {FunctionType, BuiltinFunctionType}:
        return f"<function {value.__name__}>"
    if type(value) is ModuleType:
        return f"<module {value.__name__}>"
    stored = attributes(value) if depth < MAX_DEPTH else {}
    return f"<{name}{' ' if stored else ''}{', '.join(f'{key}={item}' for key, item in stored.items())}>"


def _text(value: str | bytes | bytearray, _depth: int) -> str:
    if len(value) <= MAX_TEXT:
        return repr(value)
    return f"{value[:MAX_TEXT]!r}… [{len(value):,} in all]"


def _container(value: Any, depth: int) -> str:
    opening, closing = _BRACKETS[type(value)]
    if depth >= MAX_DEPTH:
        return f"{opening}… {len(value):,} items{closing}" if len(value) else f"{opening}{closing}"
    if type(value) is dict:
        # A snapshot: the cell that runs may be changing it.
        items = [
            f"{_shown(key, depth + 1)}: {_shown(item, depth + 1)}" for key, item in _first(value.items(), len(value))
        ]
    else:
        items = [_shown(item, depth + 1) for item in _first(value, len(value))]
    return f"{opening}{', '.join(items)}{_more(len(value))}{closing}"


def _first(items: Iterable[Any], length: int) -> list[Any]:
    for _ in range(3):
        try:
            return list(islice(items, min(MAX_ITEMS, length)))
        except RuntimeError:
            # It changed its size meanwhile.
            continue
    return []


def _list(items: Iterable[Any], depth: int) -> str:
    return f"[{', '.join(_shown(item, depth + 1) for item in items)}]"


def _more(length: int) -> str:
    return f" … {length - MAX_ITEMS:,} more" if length > MAX_ITEMS else ""


def _frame(frame: Any, _depth: int) -> str:
    head = frame.iloc[:5, :MAX_COLUMNS]
    rows = zip(*(head.iloc[:, place].tolist() for place in range(head.shape[1])), strict=False)
    lines = [
        " | ".join(_plain(name) for name in head.columns),
        *(" | ".join(_shown(item, 1) for item in row) for row in rows),
    ]
    return "\n".join(lines) + f"\n[{frame.shape[0]:,} rows, {frame.shape[1]:,} columns]"


def _plain(name: Any) -> str:
    return name[:MAX_TEXT] if type(name) is str else _shown(name, 1)


def _of_frame(frame: Any) -> dict[str, Any]:
    dtypes = [str(dtype) for dtype in islice(frame.dtypes, MAX_COLUMNS)]
    columns = {_plain(name): dtype for name, dtype in zip(islice(frame.columns, MAX_COLUMNS), dtypes, strict=False)}
    more = {} if frame.shape[1] <= MAX_COLUMNS else {"more columns": frame.shape[1] - MAX_COLUMNS}
    return {"shape": list(frame.shape), "columns": columns, **more}


def _of_array(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype), "bytes": int(array.nbytes)}


def _of_function(function: FunctionType) -> dict[str, Any]:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return {"signature": f"{function.__name__}({', '.join(names)})", "defined in": str(function.__module__)}


def _of_scalar(value: Any) -> dict[str, Any]:
    return {"value": _shown(value, 0)}


def _of_sized(value: Any) -> dict[str, Any]:
    return {"length": len(value), "value": text_of(value, MAX_TEXT)}


_SPOKEN = {
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("PosixPath", "WindowsPath"),
    "uuid": ("UUID",),
    "pandas": ("Timestamp", "Timedelta"),
}
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}
_KNOWN: tuple[tuple[Callable[[Any], bool], Callable[[Any], dict[str, Any]]], ...] = (
    (lambda value: value is None or type(value) in {bool, int, float, complex}, _of_scalar),
    (_is_spoken, _of_scalar),
    (lambda value: type(value) in {str, bytes, bytearray, *_BRACKETS}, _of_sized),
    (lambda value: is_a(value, "pandas", "DataFrame") or is_a(value, "polars", "DataFrame"), _of_frame),
    (lambda value: is_a(value, "pandas", "Series"), lambda v: {"shape": list(v.shape), "dtype": str(v.dtype)}),
    (lambda value: is_a(value, "numpy", "ndarray"), _of_array),
    (lambda value: is_a(value, "numpy", "generic"), _of_scalar),
    (lambda value: type(value) is FunctionType, _of_function),
)
_SHOWN: tuple[tuple[Callable[[Any], bool], Callable[[Any, int], str]], ...] = (
    (lambda value: value is None or type(value) in {bool, float, complex}, lambda value, _: repr(value)),
    (lambda value: type(value) is int, _int),
    (_is_spoken, lambda value, _: str(value)[:MAX_TEXT]),
    (lambda value: type(value) in {str, bytes, bytearray}, _text),
    (lambda value: type(value) in _BRACKETS, _container),
    (lambda value: is_a(value, "pandas", "DataFrame"), _frame),
    (lambda value: is_a(value, "pandas", "Series"), _series),
    (lambda value: is_a(value, "polars", "DataFrame"), _rows),
    (lambda value: is_a(value, "numpy", "ndarray"), _array),
    (lambda value: is_a(value, "numpy", "generic"), _generic),
)
