"""What goes wrong in a magic is said in one line: how the magic was called helps nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from whisperer_kernel.errors import one_line


@contextmanager
def in_one_line() -> Iterator[None]:
    """An interrupt keeps its type and is shown without a traceback, as our own errors are everywhere."""
    try:
        yield
    except KeyboardInterrupt as error:
        line = one_line(error)
        # IPython asks an exception for this before it makes a traceback.
        error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
        raise
