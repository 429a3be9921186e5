"""Where a person can be asked for a line: under the cell that runs, or at a terminal."""

from __future__ import annotations

import select
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from typing import Protocol, TextIO

from whisperer_kernel.notebook.bounded import begin, give_up
from whisperer_kernel.notebook.cell import Cell, ipython
from whisperer_kernel.notebook.errands import LOOK_UP_S, Over

GIVE_UP_S = 2.0


class Console(Protocol):
    """All calls come from the thread that waits for the answer, those of ``read`` while it is ``interruptible``."""

    def say(self, text: str) -> None:
        """Show a text."""
        ...

    def read(self, prompt: str, over: Over) -> str | None:
        """A line of the person's; None where ``over`` came first. Raises ``KeyboardInterrupt``, ``EOFError``."""
        ...


class CellConsole:
    """Output and ``input`` of the cell that runs."""

    def say(self, text: str) -> None:
        """See ``Console``."""
        sys.stdout.write(f"{text}\n")

    def read(self, prompt: str, over: Over) -> str | None:
        """See ``Console``. The front end is asked on another thread, as it can then be left alone."""
        thread, line = begin(lambda: input(prompt))
        try:
            while not wait([line, over], LOOK_UP_S, FIRST_COMPLETED).done:
                pass
            return line.result() if line.done() else None
        finally:
            give_up(thread)
            thread.join(GIVE_UP_S)


class Terminal:
    """The terminal of a script, or of IPython. ``screen`` is the stream that is shown there."""

    def __init__(self, screen: TextIO) -> None:
        self._screen = screen

    def say(self, text: str) -> None:
        """See ``Console``."""
        print(text, file=self._screen, flush=True)

    def read(self, prompt: str, over: Over) -> str | None:
        """See ``Console``. On Windows a line has to be typed, also where ``over`` came first."""
        _forget_what_was_typed()
        print(prompt, end="", file=self._screen, flush=True)
        if _is_typed(over):
            return _line()
        self.say("")
        return None


def console_of(cell: Cell | None) -> Console | None:
    """Where the person in front of this cell, or of this script, is asked; None where nobody is."""
    if cell is not None and cell.is_kernels:
        return CellConsole() if cell.is_attended else None
    if (cell is None and ipython() is not None) or not _is_terminal(sys.stdin):
        return None
    screen = next((stream for stream in (sys.stdout, sys.stderr) if _is_terminal(stream)), None)
    return None if screen is None else Terminal(screen)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts what is done here, whatever it does around: in a cell that awaits it would wait for its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _forget_what_was_typed() -> None:
    """What was typed before the question is no answer to it."""
    if sys.platform != "win32":
        import termios  # noqa: PLC0415 - not on Windows

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _is_typed(over: Over) -> bool:
    """Wait for a line; False where ``over`` came first."""
    if sys.platform == "win32":
        return True
    while not over.done():
        if select.select([sys.stdin], [], [], LOOK_UP_S)[0]:
            return True
    return False


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
