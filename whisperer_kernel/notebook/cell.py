"""The cell whose code runs: whether it still does, who sits in front of it, and what can be shown and put below it."""

from __future__ import annotations

import sys
from contextvars import copy_context
from typing import Any

from whisperer_kernel.harmless import harmless


class Cell:
    """The cell that runs where this is made; a line in IPython's terminal is one too.

    ``request`` is the kernel's that executes it; None in a terminal.
    """

    def __init__(self, shell: Any, watch: _Watch) -> None:
        self._shell = shell
        self._watch = watch
        self._number = watch.number
        self.request = watch.request
        # Whatever the kernel hears meanwhile, what is shown belongs to this cell.
        self._context = copy_context()

    @property
    def is_running(self) -> bool:
        """Whether its code still runs."""
        return self._watch.is_running and self._watch.number == self._number

    @property
    def id(self) -> str:
        """Its id; empty where the front end names none, as nbclient and consoles do."""
        return str((self._of_request("metadata")).get("cellId") or "")

    @property
    def front_end(self) -> str:
        """Who sent it to the kernel, by the id of that connection; empty where nobody did."""
        return str(self._of_request("header").get("session") or "")

    @property
    def is_kernels(self) -> bool:
        """Whether it was sent to a kernel; else it was typed in a terminal."""
        return self.request is not None

    @property
    def is_in_notebook(self) -> bool:
        """Whether outputs can be renewed there: a console prints the first and ignores the rest.

        A console says nothing of the cell and can be asked for input; what runs a notebook as a whole cannot.
        """
        return self.is_kernels and bool(self._of_request("metadata") or not self.is_attended)

    @property
    def is_attended(self) -> bool:
        """Whether a person is in front of it: who runs notebooks without one says so to the kernel."""
        if self.request is None:
            return sys.stdin is not None and sys.stdin.isatty()
        return bool(self._of_request("content").get("allow_stdin", True))

    def offer(self, code: str) -> bool:
        """Have this stand in a new cell below, or at the next prompt, when it has ended; False where that cannot be.

        There is one such cell: a second one would take the place of the first.
        """
        # IPython's plain prompt has no place for it.
        is_lost = bool(getattr(self._shell, "simple_prompt", False))
        if is_lost or not (self.is_running and self.is_attended and self._watch.is_free):
            return False
        self._watch.is_free = False
        self._shell.set_next_input(harmless(code))
        return True

    def show(self, what: object) -> None:
        """Show something in its output."""
        from IPython.display import display  # noqa: PLC0415 - a script does without IPython

        self._context.copy().run(display, what)

    def _of_request(self, part: str) -> dict[str, Any]:
        return (self.request or {}).get(part) or {}


def running_cell() -> Cell | None:
    """The cell whose code runs on this thread; None in a script, and where code of an earlier cell goes on."""
    if (shell := ipython()) is None:
        return None
    watch = _watch_of(shell)
    # Newer kernels know which request a task was begun by.
    is_here = watch.is_running and _request_of(shell) == watch.request
    return Cell(shell, watch) if is_here else None


def is_beside() -> bool:
    """Whether the request that is handled on this thread came by a subshell, and so did not wait for a running cell."""
    request = _request_of(ipython()) or {}
    return bool(request.get("header", {}).get("subshell_id"))


def watch_cells() -> None:
    """Know from now on which cell runs. Called by code in a cell."""
    if (shell := ipython()) is not None:
        _watch_of(shell)


def ipython() -> Any:
    """The shell of this process, where IPython was loaded and one runs."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


class _Watch:
    """Counts the cells of one shell. It is first asked for by code in a cell, which runs then.

    ``request`` is the kernel's for this cell, None in a terminal; ``is_free``: nothing is to stand below it yet.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.number = 0
        self.begun(None)

    def begun(self, _info: object) -> None:
        self.number += 1
        self.request = _request_of(self._shell)
        self.is_running = self.is_free = self.request is None or _executes(self.request)

    def ended(self, _result: object) -> None:
        self.is_running = False


# A process has one shell, and as long as it lives.
_watches: dict[Any, _Watch] = {}


def _executes(request: dict[str, Any]) -> bool:
    """Whether it runs a cell: a kernel that has only begun, or is asked for something else, runs none."""
    return bool(request.get("header", {}).get("msg_type") == "execute_request")


def _request_of(shell: Any) -> dict[str, Any] | None:
    kernel = getattr(shell, "kernel", None)
    return None if kernel is None else kernel.get_parent()


def _watch_of(shell: Any) -> _Watch:
    watch = _watches.get(shell)
    if watch is None:
        watch = _watches[shell] = _Watch(shell)
        shell.events.register("pre_run_cell", watch.begun)
        shell.events.register("post_run_cell", watch.ended)
    return watch
