"""Whisperer: three agents that live in a Jupyter notebook."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from whisperer_kernel.version import __version__

if TYPE_CHECKING:
    from whisperer_kernel.notebook.chat import Chat
    from whisperer_kernel.notebook.client import Whisperer
    from whisperer_kernel.notebook.permission import PermissionQuestion
    from whisperer_kernel.notebook.reply import Reply, TurnFailed

__all__ = ["Chat", "PermissionQuestion", "Reply", "TurnFailed", "Whisperer", "__version__"]

# Loaded when asked for: the server needs neither IPython nor a widget.
_HOMES = {
    "Chat": "chat",
    "PermissionQuestion": "permission",
    "Reply": "reply",
    "TurnFailed": "reply",
    "Whisperer": "client",
}


def __getattr__(name: str) -> Any:
    """What notebooks use, from where it lies."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.notebook.{_HOMES[name]}"), name)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext whisperer_kernel``: the kernel takes part, and has the magics. The same as a ``Chat()`` does."""
    load = import_module(f"{__name__}.notebook.load")
    load.register_magics(shell)
    load.take_part()


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext whisperer_kernel``: the magics are gone, and the kernel's client. The conversation stays."""
    load = import_module(f"{__name__}.notebook.load")
    load.unregister_magics(shell)
    load.leave()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
