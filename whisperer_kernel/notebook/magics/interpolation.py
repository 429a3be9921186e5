r"""``{name}`` in a question is filled in with the value of a variable; braces of code and of formulas stay.

What is filled in: a name, attributes and indices, as in ``{df.shape}``, ``{rows[0]}``, ``{prices['tea']}``. Nothing is
called: braces that hold a call alone, of something that is there, are an error, as whoever wrote them may have meant
either; right behind a word they are a formula's. ``{{name}}`` stands for the braces themselves. In fences, backticks,
f-strings, templates with ``.format`` and between dollar signs braces are left alone, but for a line that holds nothing
else: there a value can stand in a fence.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import Any

from whisperer_kernel.errors import InvalidParams

MAX_CHARS = 200_000

_NAME = r"[^\W\d]\w*"
_INDEX = rf"""-?\d+|{_NAME}|'[^'\n]*'|"[^"\n]*\""""
_EXPRESSION = rf"{_NAME}(?:\.{_NAME}|\[(?:{_INDEX})\])*"
_ARGUMENTS = r"\([^(){}\n]*(?:\([^(){}\n]*\)[^(){}\n]*)*\)"
_CALL = rf"{_EXPRESSION}{_ARGUMENTS}(?:{_ARGUMENTS}|\.{_NAME}|\[(?:{_INDEX})\])*"
_STEP = re.compile(rf"\.({_NAME})|\[({_INDEX})\]")
_ALONE = re.compile(rf"^([ \t]*)\{{({_EXPRESSION})\}}(?=[ \t]*$)", re.MULTILINE)
# In the order in which they are tried at each place; what is matched by none passes.
_TOKENS = re.compile(
    rf"""
      (?P<fence> ^[ \t]* (?P<mark> `{{3,}} (?=[^`\n]*$) | ~{{3,}} ) [^\n]*\n?
          (?: (?! [ \t]*(?P=mark)[`~]*[ \t]*$ ) [^\n]*(?:\n|\Z) )*  (?: [ \t]*(?P=mark)[`~]*[ \t]*$ )? )
    | (?P<span> (?P<ticks>`+) (?!`) [^\n]+? (?<!`) (?P=ticks) (?!`) )
    | (?P<fstring> \b(?: [fF][rR]? | [rR][fF] )
          (?: \"\"\"[\s\S]*?\"\"\" | '''[\s\S]*?''' | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' ) )
    | (?P<template> (?: "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' ) \.format\( )
    | (?P<formula> \$\$[\s\S]+?\$\$ | (?<![\\$\w])\$(?=\S)[^$\n]+(?<=\S)\$(?!\d) )
    | \{{\{{ (?P<escaped>{_EXPRESSION}) \}}\}}
    | \{{\{{ (?P<uncalled>{_CALL}) \}}\}}
    | (?<![\w\\}}^]) \{{ (?P<called>{_CALL}) \}}
    | \{{ (?P<filled>{_EXPRESSION}) \}}
    """,
    re.VERBOSE | re.MULTILINE,
)


def interpolated(text: str, namespace: Mapping[str, Any]) -> str:
    """The text with the values filled in.

    Raises:
        InvalidParams: A variable is not there, its value cannot be read or is too long, or something would have to be
            called; the message says which.

    >>> interpolated("Is {x} in {{x}}, `{x}` or {'x': 1}?", {"x": 3})
    "Is 3 in {x}, `{x}` or {'x': 1}?"
    """

    def token(found: re.Match[str]) -> str:
        if found["filled"] is not None:
            return _text(found["filled"], namespace)
        if found["escaped"] is not None:
            return f"{{{found['escaped']}}}"
        if found["uncalled"] is not None and _is_there(found["uncalled"], namespace):
            return f"{{{found['uncalled']}}}"
        if found["called"] is not None and _is_there(found["called"], namespace):
            raise InvalidParams(
                f"{{{found['called']}}}: nothing is called in braces: assign it to a variable first; double the braces "
                "to send them as they are. Nothing was sent."
            )
        return _ALONE.sub(lambda alone: alone[1] + _text(alone[2], namespace), found[0]) if found["fence"] else found[0]

    filled = _TOKENS.sub(token, text)
    if len(filled) > MAX_CHARS:
        raise InvalidParams(f"The question with its values is {len(filled):,} characters long; {MAX_CHARS:,} may be.")
    return filled


def _is_there(call: str, namespace: Mapping[str, Any]) -> bool:
    """Whether the name with which it begins is known, so that it could be called; else it is code of another kind."""
    name = re.match(_NAME, call)
    return name is not None and (name[0] in namespace or hasattr(builtins, name[0]))


def _text(expression: str, namespace: Mapping[str, Any]) -> str:
    """The value as text, as in an f-string."""
    name = re.match(_NAME, expression)
    assert name is not None  # noqa: S101 - an expression begins with a name
    value = _variable(name[0], expression, namespace)
    try:
        for step in _STEP.finditer(expression, name.end()):
            value = getattr(value, step[1]) if step[1] else value[_index(step[2], expression, namespace)]
        return str(value)
    except InvalidParams:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a value's own code does, nothing is sent
        raise InvalidParams(
            f"{{{expression}}} cannot be filled in: {type(error).__name__}: {error}. Nothing was sent."
        ) from None


def _index(index: str, expression: str, namespace: Mapping[str, Any]) -> Any:
    if index[0] in "'\"":
        return index[1:-1]
    return int(index) if index.lstrip("-").isdecimal() else _variable(index, expression, namespace)


def _variable(name: str, expression: str, namespace: Mapping[str, Any]) -> Any:
    if name not in namespace:
        raise InvalidParams(
            f"There is no variable {name} to fill in {{{expression}}} with; nothing was sent. "
            f"For the braces themselves write {{{{{expression}}}}}."
        )
    return namespace[name]
