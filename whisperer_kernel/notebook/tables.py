"""Arrays and tables of numpy, pandas and polars, read by what these libraries themselves define.

Of a subclass somebody else's code could answer: an array's is seen as the array it is, of any other the type is told.
pandas is asked below its public face, which would copy what a user has attached (``attrs``) and ask extension types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whisperer_kernel.notebook.exact import (
    attribute,
    inherits,
    is_of,
    loaded,
    module_name,
    own_name,
    type_name,
)

MAX_COLUMNS = 60
MAX_ROWS = 5
MAX_ITEMS = 20
_ARRAYS = ("pandas.arrays", "pandas.core.arrays")


def as_array(value: object) -> Any:
    """The value as numpy's own array, or None where it is none."""
    array = loaded("numpy", "ndarray")
    if array is None or not inherits(value, array):
        return None
    # A view made by the base class: a subclass is not told of it.
    return value if type(value) is array else array.view(value, array)


def is_number(value: object) -> bool:
    """Whether it is a scalar of numpy's own."""
    cls, generic = type(value), loaded("numpy", "generic")
    return generic is not None and inherits(value, generic) and loaded("numpy", own_name(cls)) is cls


def is_frame(value: object) -> bool:
    """Whether it is a table."""
    return is_of(value, "pandas", "polars") and own_name(type(value)) == "DataFrame"


def is_series(value: object) -> bool:
    """Whether it is a column, or the values of one."""
    return (is_of(value, "pandas", "polars") and own_name(type(value)) == "Series") or is_of(value, *_ARRAYS)


def is_derived(value: object) -> bool:
    """Whether it is of somebody else's subclass of a table or a column, of which the type alone is told."""
    bases = (loaded(module, name) for module in ("pandas", "polars") for name in ("DataFrame", "Series"))
    return any(base is not None and inherits(value, base) for base in bases)


def facts_of_array(array: Any) -> dict[str, Any]:
    """Shape, dtype, bytes."""
    return {"shape": list(array.shape), "dtype": str(array.dtype), "bytes": int(array.nbytes)}


def facts_of_frame(frame: Any) -> dict[str, Any]:
    """Shape; names and dtypes of the columns, as many as are told."""
    labels = labels_of(frame)
    kinds = [dtype_of(column(frame, place)) for place in range(len(labels))]
    height, width = shape(frame)
    more = {} if width <= len(labels) else {"more columns": width - len(labels)}
    return {"shape": [height, width], "labels": labels, "dtypes": kinds, **more}


def facts_of_series(series: Any) -> dict[str, Any]:
    """Length and dtype; of an array that somebody else defines its type."""
    values = values_of(series)
    return {**({"shape": [len(values)]} if is_known(values) else {}), "dtype": dtype_of(values)}


def shape(frame: Any) -> tuple[int, int]:
    """Rows and columns."""
    if _is_polars(frame):
        return int(frame.height), int(frame.width)
    columns, index = attribute(frame, "_mgr").axes
    return _length(index), _length(columns)


def labels_of(frame: Any) -> list[Any]:
    """The names of the columns, as many as are told; values like any other."""
    if _is_polars(frame):
        return list(frame.columns[:MAX_COLUMNS])
    columns, _ = attribute(frame, "_mgr").axes
    return list(columns[:MAX_COLUMNS].tolist()) if _is_known_index(columns) else []


def place_of(frame: Any, name: str) -> int | None:
    """Where the column of this name stands, among those that are told."""
    labels = enumerate(labels_of(frame))
    return next((place for place, label in labels if type(label) is str and label == name), None)


def column(frame: Any, place: int) -> Any:
    """The values of a column: an array, or a polars series."""
    return frame.to_series(place) if _is_polars(frame) else attribute(frame, "_mgr").iget_values(place)


def values_of(series: Any) -> Any:
    """The values of a column that stands by itself."""
    return series if is_known(series) else attribute(series, "_mgr").blocks[0].values


def is_known(values: Any) -> bool:
    """Whether these are the values of numpy's, pandas' or polars' own array."""
    array = loaded("numpy", "ndarray")
    return (array is not None and type(values) is array) or is_of(values, *_ARRAYS) or _is_polars(values)


def dtype_of(values: Any) -> str:
    """The dtype's name; of an array that somebody else defines, the array's."""
    return str(values.dtype) if is_known(values) else type_name(values)


def head(values: Any, count: int) -> list[Any]:
    """The first values; none of an array that somebody else defines."""
    if not is_known(values):
        return []
    if _is_polars(values):
        return list(values.head(count).to_list())
    if type(values) is not loaded("numpy", "ndarray"):
        return list(values[:count].tolist())
    flat = values.reshape(-1) if values.flags.c_contiguous else values.flat
    return list(flat[:count].tolist())


def rows_of(frame: Any) -> Iterator[list[Any]]:
    """The first rows, as many columns as are told."""
    columns = [head(column(frame, place), MAX_ROWS) for place in range(len(labels_of(frame)))]
    yield from (list(row) for row in zip(*columns, strict=False))


def _is_polars(value: object) -> bool:
    return is_of(value, "polars") and module_name(type(value)).startswith("polars.")


def _is_known_index(index: Any) -> bool:
    if not is_of(index, "pandas"):
        return False
    levels = attribute(index, "_levels", ())
    data = attribute(index, "_data")
    return (data is None or is_known(data)) and all(_is_known_index(level) for level in levels)


def _length(index: Any) -> int:
    return len(index) if _is_known_index(index) else 0
