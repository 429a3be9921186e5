"""The cell that runs now, as the front end told of it."""

from __future__ import annotations

from typing import Any

from IPython import get_ipython


def request() -> dict[str, Any] | None:
    """The request that executes a cell at this moment; None outside a kernel, and where none runs."""
    kernel = getattr(get_ipython(), "kernel", None)
    found: dict[str, Any] = (kernel.get_parent() if kernel is not None else None) or {}
    is_cell = found.get("header", {}).get("msg_type") == "execute_request"
    return found if is_cell else None


def is_beside() -> bool:
    """Whether the request that is handled on this thread came by a subshell, and so did not wait for a running cell."""
    kernel = getattr(get_ipython(), "kernel", None)
    found: dict[str, Any] = (kernel.get_parent() if kernel is not None else None) or {}
    return bool(found.get("header", {}).get("subshell_id"))


def cell_id() -> str:
    """The id of the cell; empty where the front end names none, as nbclient and consoles do."""
    return str(((request() or {}).get("metadata") or {}).get("cellId") or "")


def is_in_notebook() -> bool:
    """Whether outputs can be renewed there: a console prints the first and ignores the rest.

    A console says nothing of the cell and can be asked for input; what runs a notebook as a whole cannot.
    """
    found = request()
    return found is not None and bool(found.get("metadata") or not found.get("content", {}).get("allow_stdin", True))
