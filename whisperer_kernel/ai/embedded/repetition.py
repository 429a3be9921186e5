"""Notices that a reply only repeats itself, as those of small models do that find no end."""

from __future__ import annotations

import re
from collections import Counter

TIMES, WORDS = 3, 6
"""So often a sentence of so many words is said before the reply is taken for a loop; shorter ones may come again."""
RUN = 6
"""But not so often in a row: a few words, or pieces of text that no sentence ends."""
LONGEST_PIECE, LEAST_CHARS = 100, 60
"""Of such a piece, and of all its repeats together, in characters."""

_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
_FENCE = re.compile(r"\s*```")
_DECORATION = re.compile(r"^\W*(\d+\W*)?|[*_`]+|\W+$")


class Repetition:
    """Watches one reply. Lines of fenced code may be alike: there only what comes in a row counts.

    ``is_code``: what came so far ends within such code.
    """

    def __init__(self) -> None:
        self.is_code = False
        self._said: Counter[str] = Counter()
        self._row = ("", 0)
        self._open = ""
        self._tail = ""

    def feed(self, text: str) -> bool:
        """Take in what came; whether the reply repeats itself."""
        self._tail = (self._tail + text)[-RUN * LONGEST_PIECE :]
        *whole, self._open = _ENDS.split(self._open + text)
        said = [self._is_said_again(sentence) for sentence in whole]
        return any(said) or self._stutters()

    def _is_said_again(self, sentence: str) -> bool:
        """Whether it was said too often, numbers and decoration aside."""
        if _FENCE.match(sentence):
            self.is_code = not self.is_code
        key = " ".join(_DECORATION.sub("", sentence).casefold().split())
        if not key or self.is_code:
            return False
        self._said[key] += 1
        self._row = (key, self._row[1] + 1 if self._row[0] == key else 1)
        return self._row[1] >= RUN or (len(key.split()) >= WORDS and self._said[key] >= TIMES)

    def _stutters(self) -> bool:
        return any(self._ends_with_repeats_of(self._tail[-size:]) for size in range(2, LONGEST_PIECE + 1))

    def _ends_with_repeats_of(self, piece: str) -> bool:
        times = max(RUN, -(-LEAST_CHARS // len(piece)))
        return self._tail.endswith(piece * times) and any(character.isalpha() for character in piece)
