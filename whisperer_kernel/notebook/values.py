"""Looks at values without running code of theirs: no property, no ``__repr__`` of a class that a user wrote.

What is known by its type (numbers, text, containers, numpy, pandas, polars) is read by that type; of anything else the
type and the plain attributes are told. Text is made piece by piece and no further than it is wanted, so the work is
bounded, whatever the value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from whisperer_kernel.notebook.exact import (
    attribute,
    first,
    inherits,
    instance_dict,
    is_exactly,
    is_of,
    loaded,
    plain,
    type_name,
    whole,
)
from whisperer_kernel.notebook.tables import (
    as_array,
    facts_of_array,
    facts_of_frame,
    facts_of_series,
    head,
    is_derived,
    is_frame,
    is_known,
    is_number,
    is_series,
    labels_of,
    rows_of,
    shape,
    values_of,
)

MAX_ITEMS = 20
MAX_DEPTH = 3
MAX_TEXT = 300
MAX_LISTED = 400
MAX_WHOLE = 8_000
MAX_BITS = 4_096
BITS_PER_DIGIT = 3

Pieces = Iterator[str]


def facts(value: Any) -> dict[str, Any]:
    """``type`` and, by it, what there is of shape, dtype, columns, length, size in bytes, signature and value."""
    told: dict[str, Any] = {"type": type_name(value)}
    for matches, read in _KNOWN:
        try:
            if matches(value):
                return {**told, **read(value)}
        except Exception as error:  # noqa: BLE001 - a value in a bad state is still there
            return {**told, "problem": f"{type_name(error)} while it was read"}
    return told


def text_of(value: Any, limit: int = MAX_WHOLE) -> str:
    """The value as text, at most ``limit`` characters; where that is not all of it, it is said."""
    made, length = list[str](), 0
    for piece in _pieces(value, 0):
        made.append(piece)
        length += len(piece)
        if length > limit:
            return f"{''.join(made)[:limit]}… [cut]"
    return "".join(made)


def attributes(value: Any) -> dict[str, str]:
    """The instance's own attributes as they are stored; a property is not among them."""
    return {} if inherits(value, ModuleType) or is_derived(value) else dict(_stored(value))


def _stored(value: Any) -> Iterator[tuple[str, str]]:
    held = instance_dict(value)
    for name, item in first(held.items(), min(MAX_ITEMS, len(held))):
        yield _label(name), text_of(item, MAX_TEXT)


# --- text -------------------------------------------------------------------------------------------------------------


def _pieces(value: Any, depth: int) -> Pieces:
    for matches, show in _SHOWN:
        if matches(value):
            yield from show(value, depth)
            return
    yield from _unknown(value, depth)


def _int(value: int, _depth: int) -> Pieces:
    # There is no such limit in older kernels.
    digits = getattr(sys, "get_int_max_str_digits", int)()
    most = min(MAX_BITS, digits * BITS_PER_DIGIT) if digits else MAX_BITS
    yield repr(value) if value.bit_length() <= most else f"<an int of {value.bit_length():,} bits>"


def _text(value: str | bytes | bytearray, _depth: int) -> Pieces:
    yield repr(value) if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]!r}… [{len(value):,} in all]"


def _container(value: Any, depth: int) -> Pieces:
    opening, closing = next(brackets for kind, brackets in _BRACKETS if type(value) is kind)
    length = len(value)
    yield opening
    if depth >= MAX_DEPTH and length:
        yield f"… {length:,} items"
    else:
        # A snapshot: the cell that runs may be changing it.
        items = first(value.items() if type(value) is dict else value, min(MAX_ITEMS, length))
        yield from _separated(_pair(item, depth) if type(value) is dict else _pieces(item, depth + 1) for item in items)
        yield _more(length)
    yield closing


def _pair(item: tuple[Any, Any], depth: int) -> Pieces:
    yield from _pieces(item[0], depth + 1)
    yield ": "
    yield from _pieces(item[1], depth + 1)


def _separated(items: Iterable[Pieces]) -> Pieces:
    for number, item in enumerate(items):
        if number:
            yield ", "
        yield from item


def _more(length: int) -> str:
    return f" … {length - MAX_ITEMS:,} more" if length > MAX_ITEMS else ""


def _list(items: list[Any], length: int, depth: int) -> Pieces:
    yield "["
    yield from _separated(_pieces(item, depth + 1) for item in items)
    yield f"]{_more(length)}"


def _array(value: Any, depth: int) -> Pieces:
    array = as_array(value)
    yield from _list(head(array, MAX_ITEMS), array.size, depth)


def _series(value: Any, depth: int) -> Pieces:
    values = values_of(value)
    if is_known(values):
        yield from _list(head(values, MAX_ITEMS), len(values), depth)
    else:
        yield f"<{type_name(values)}>"


def _frame(frame: Any, _depth: int) -> Pieces:
    yield " | ".join(map(_label, labels_of(frame)))
    for row in rows_of(frame):
        yield "\n"
        for number, item in enumerate(row):
            yield " | " if number else ""
            yield from _pieces(item, 1)
    height, width = shape(frame)
    yield f"\n[{height:,} rows, {width:,} columns]"


def _label(name: Any) -> str:
    return whole(name[:MAX_TEXT]) if type(name) is str else text_of(name, MAX_TEXT)


def _number(value: Any, depth: int) -> Pieces:
    if depth < MAX_DEPTH:
        yield from _pieces(value.item(), depth + 1)
    else:
        yield f"<{type_name(value)}>"


def _spoken(value: Any, _depth: int) -> Pieces:
    zone = value.tzinfo if hasattr(type(value), "tzinfo") else None
    if zone is None or is_of(zone, "datetime", "zoneinfo"):
        yield whole(str(value)[:MAX_TEXT])
    else:
        # A zone of one's own would be asked how far it is off.
        yield f"{value.replace(tzinfo=None)} <{type_name(zone)}>"


def _unknown(value: Any, depth: int) -> Pieces:
    if is_exactly(value, FunctionType, BuiltinFunctionType):
        yield f"<function {plain(value.__name__)}>"
        return
    if inherits(value, ModuleType):
        name = attribute(value, "__name__")
        yield f"<module {name}>" if type(name) is str else "<module>"
        return
    yield f"<{type_name(value)}"
    held = instance_dict(value) if depth < MAX_DEPTH and not is_derived(value) else {}
    for number, (name, item) in enumerate(first(held.items(), min(MAX_ITEMS, len(held)))):
        yield f"{',' if number else ''} {_label(name)}="
        yield from _pieces(item, max(depth + 1, 2))
    yield ">"


# --- facts ------------------------------------------------------------------------------------------------------------


def _of_scalar(value: Any) -> dict[str, Any]:
    return {"value": text_of(value, MAX_LISTED)}


def _of_sized(value: Any) -> dict[str, Any]:
    return {"length": len(value), "value": text_of(value, MAX_LISTED)}


def _of_frame(frame: Any) -> dict[str, Any]:
    told = facts_of_frame(frame)
    columns = dict(zip(map(_label, told.pop("labels")), told.pop("dtypes"), strict=True))
    return {"shape": told.pop("shape"), "columns": columns, **told}


def _of_function(function: FunctionType) -> dict[str, Any]:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    module = function.__module__
    told = {"signature": f"{plain(function.__name__)}({', '.join(names)})"}
    return {**told, "defined in": module} if type(module) is str else told


# --- what is known ----------------------------------------------------------------------------------------------------


def _is_scalar(value: Any) -> bool:
    return value is None or is_exactly(value, bool, int, float, complex)


def _is_spoken(value: Any) -> bool:
    """Whether it is of a library's class, and of no subclass, whose ``str`` is short and harmless."""
    cls = type(value)
    if any(loaded(module, name) is cls for module, names in _SPOKEN.items() for name in names):
        return True
    return value is not None and any(loaded("pandas", name) is value for name in ("NaT", "NA"))


def _is_text(value: Any) -> bool:
    return is_exactly(value, str, bytes, bytearray)


def _is_container(value: Any) -> bool:
    return any(type(value) is kind for kind, _ in _BRACKETS)


def _is_array(value: Any) -> bool:
    return as_array(value) is not None


_SPOKEN = {
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("PosixPath", "WindowsPath"),
    "uuid": ("UUID",),
    "pandas": ("Timestamp", "Timedelta"),
}
_BRACKETS: tuple[tuple[type, tuple[str, str]], ...] = (
    (list, ("[", "]")),
    (tuple, ("(", ")")),
    (set, ("{", "}")),
    (frozenset, ("frozenset({", "})")),
    (dict, ("{", "}")),
)
_KNOWN: tuple[tuple[Callable[[Any], bool], Callable[[Any], dict[str, Any]]], ...] = (
    (_is_scalar, _of_scalar),
    (lambda value: _is_text(value) or _is_container(value), _of_sized),
    (_is_spoken, _of_scalar),
    (is_frame, _of_frame),
    (is_series, facts_of_series),
    (_is_array, lambda value: facts_of_array(as_array(value))),
    (is_number, _of_scalar),
    (lambda value: type(value) is FunctionType, _of_function),
)
_SHOWN: tuple[tuple[Callable[[Any], bool], Callable[[Any, int], Pieces]], ...] = (
    (lambda value: type(value) is int, _int),
    (_is_scalar, lambda value, _: iter((repr(value),))),
    (_is_text, _text),
    (_is_container, _container),
    (_is_spoken, _spoken),
    (is_frame, _frame),
    (is_series, _series),
    (_is_array, _array),
    (is_number, _number),
)
