"""What a call returns today, as text that can be compared again. Runs in the isolated process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_EXPECTED = 500


def recorded(call: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """``{"returns": text}``, where the text, evaluated, is the result again, each time; else ``{"unstable": why}``.

    What the call raises is raised.
    """
    code = compile(call, "<call>", "eval")
    result = eval(code, dict(names))  # noqa: S307 - in the isolated process
    text = _written(result)
    if text is None:
        return {"unstable": f"its result ({type(result).__name__}) cannot be written down"}
    if _written(eval(code, dict(names))) != text:  # noqa: S307 - the same
        return {"unstable": "its result differs from call to call"}
    return {"returns": text}


def _written(value: Any) -> str | None:
    """An expression of which Python makes an equal value; None where there is none."""
    if not _is_plain(value):
        return None
    text = repr(value)
    return text if len(text) <= MAX_EXPECTED else None


def _is_plain(value: Any) -> bool:
    if type(value) in {list, tuple, set, frozenset}:
        return all(_is_plain(item) for item in value)
    if type(value) is dict:
        return all(_is_plain(item) for pair in value.items() for item in pair)
    if type(value) is float:
        return value == value and value not in {float("inf"), float("-inf")}  # noqa: PLR0124 - NaN alone differs from itself
    return value is None or type(value) in {bool, int, str, bytes, complex}
