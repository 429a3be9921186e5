"""Which function a message wants tests of, worked out without a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

MAX_NAMES = 5

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_COMMAND = re.compile(rf"\s*/tests\s+`?({_NAME})`?\s*")
_WANTED = re.compile(r"\b(unit ?)?tests?\b|\btesten\b|\bpytest\b|\bpruebas?\b|тест|测试|テスト", re.IGNORECASE)
# Those that look most like a name first: in backticks, called, with an underscore, then any word.
_LIKELY = (rf"`({_NAME})(?:\([^`]*\))?`", rf"\b({_NAME})\(", r"\b(\w*[^\W_]_[^\W_]\w*)\b", rf"\b({_NAME})\b")
_WORDS = frozenset(
    "a an the of for to my in on and or me it is be do with this that please can could you write make test tests "  # noqa: SIM905 - words read best as words
    "unit pytest function method class code some good give create add edge cases case which what how should "
    "tessa @tessa funktion für die der das bitte schreibe teste testen von mir".split()
)


def commanded(message: str) -> str | None:
    """The target of ``/tests name``: who writes this has said what is to be done.

    >>> commanded("/tests slugify")
    'slugify'
    """
    found = _COMMAND.fullmatch(message)
    return found and found.group(1)


def named(message: str) -> list[str]:
    """What a message that asks for tests may mean, the likeliest first; empty where it asks for none.

    >>> named("Please write tests for `slugify`")
    ['slugify']
    """
    return list(islice(dict.fromkeys(_names(message)), MAX_NAMES)) if _WANTED.search(message) else []


def _names(message: str) -> Iterator[str]:
    for pattern in _LIKELY:
        for name in re.findall(pattern, message):
            if name.lower() not in _WORDS:
                yield name
