"""Lone surrogates: JSON can hold them, UTF-8 cannot, and some servers cut an emoji in two between chunks."""

from __future__ import annotations


def mended(text: str) -> str:
    """``text`` with pairs of surrogates put together and lone ones replaced by U+FFFD.

    >>> mended("a" + chr(0xD83D) + chr(0xDE00) + chr(0xD83D))
    'a😀�'
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class SurrogateJoiner:
    """Puts together what one text was cut into; a first half waits for the second."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """The text that is whole by now."""
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return mended(text[: len(text) - len(self._half)])

    def flush(self) -> str:
        """What is left at the end of the text."""
        half, self._half = self._half, ""
        return mended(half)
