"""The line of a magic that asks: options, then the question or the beginning of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from IPython.core.error import UsageError

from whisperer_kernel.notebook.magics.desk import AskOptions

OPTIONS = ("--again", "--insert")


def taken(line: str, usage: str) -> tuple[AskOptions, str]:
    """The options at the beginning of a line and what follows them. A UsageError names one that is not known.

    >>> taken("--again what is x?", "")
    (AskOptions(again=True, insert=False), 'what is x?')
    """
    given: set[str] = set()
    rest = line.strip()
    while rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        if option not in OPTIONS:
            raise UsageError(f"There is no option {option}{nearest(option, OPTIONS)}. Usage: {usage}")
        given.add(option)
    return AskOptions(again="--again" in given, insert="--insert" in given), rest


def nearest(word: str, known: Iterable[str]) -> str:
    """What was probably meant, to be added to what is unknown; empty where nothing is near.

    >>> nearest("agnts", ["agents", "stop"])
    ' (did you mean agents?)'
    """
    found = difflib.get_close_matches(word, [*known], n=1)
    return f" (did you mean {found[0]}?)" if found else ""
