"""Which function a message wants tests of, worked out without a model."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator

import msgspec

from whisperer_kernel.agents.questions import is_question

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_COMMAND = re.compile(rf"\s*/tests\s+`?({_NAME})`?\s*")
_TESTS = re.compile(r"\b(unit ?)?tests?\b|\bteste?n?\b|\bpytest\b|\bpruebas?\b|тест|测试|テスト", re.IGNORECASE)
_HOW_TO = re.compile(r"\bhow (to|do i|can i|would you) (write )?(unit |py)?test", re.IGNORECASE)
# In backticks, called, with an underscore, with a hump, with a dot.
_LIKE_CODE = (
    rf"`({_NAME})(?:\([^`]*\))?`",
    rf"\b({_NAME})\(",
    r"\b(\w*[^\W_]_[^\W_]\w*)\b",
    r"\b([a-z]+[0-9]*[A-Z]\w*)\b",
    r"\b([^\W\d]\w*(?:\.[^\W\d]\w+)+)\b",
)
_NO_TARGETS = {"pytest", "unittest", "tests", *keyword.kwlist}
# Words of such messages: a function named like one of them is meant only where it looks like code.
_USUAL = frozenset(
    "a an the of for to my in on and or me it is be do with this that please can could you write make test tests "  # noqa: SIM905 - words read best as words
    "unit pytest function method class code some good give create add edge cases case which what how should "
    "tessa @tessa funktion für die der das bitte schreibe teste testen von mir".split()
)


class TestWish(msgspec.Struct, frozen=True):
    """Tests are asked for; ``code`` are the message's names that look like code, ``words`` all that are not usual."""

    # It only begins like one.
    __test__ = False

    code: tuple[str, ...]
    words: tuple[str, ...]

    def target(self, names: Collection[str], functions: Collection[str]) -> str | None:
        """What is meant of all that the kernel has: names, and functions among them, which a word may mean."""
        meant = [name for name in self.code if name.split(".")[0] in names]
        return next(iter([*meant, *(word for word in self.words if word in functions)]), None)


def commanded(message: str) -> str | None:
    """The target of ``/tests name``: who writes this has said what is to be done.

    >>> commanded("/tests slugify")
    'slugify'
    """
    found = _COMMAND.fullmatch(message)
    return found and found.group(1)


def wish_in(message: str) -> TestWish | None:
    """The wish for tests in a message; None where it has none, or asks about tests.

    >>> wish_in("Please write tests for `slugify`").code
    ('slugify',)
    """
    if not _TESTS.search(message) or is_question(message) or _HOW_TO.search(message):
        return None
    words = [word for word in re.findall(_NAME, message) if word.lower() not in _USUAL]
    return TestWish(tuple(dict.fromkeys(_code_in(message))), tuple(dict.fromkeys(words)))


def _code_in(message: str) -> Iterator[str]:
    for pattern in _LIKE_CODE:
        for name in re.findall(pattern, message):
            if name not in _NO_TARGETS and not name.startswith("test_"):
                yield name
