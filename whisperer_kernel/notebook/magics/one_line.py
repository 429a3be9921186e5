"""What goes wrong in a magic is said in one line: how the magic was called helps nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from whisperer_kernel.errors import WhispererError

MAX_CHARS = 600


@contextmanager
def in_one_line() -> Iterator[None]:
    """Errors of ours and an interrupt keep their type, and are shown without a traceback."""
    try:
        yield
    except (WhispererError, KeyboardInterrupt) as error:
        line = one_line(error)
        # IPython asks an exception for this before it makes a traceback.
        error._render_traceback_ = lambda: [line]  # type: ignore[union-attr]
        raise


def one_line(error: BaseException) -> str:
    r"""The error's type and words, cut where they are long.

    >>> one_line(WhispererError("It is\nlate."))
    'WhispererError: It is late.'
    """
    words = " ".join(str(error).split()) or "stopped"
    cut = words if len(words) <= MAX_CHARS else f"{words[:MAX_CHARS]}…"
    return f"{type(error).__name__}: {cut}"
