"""Whisperer's Jupyter Server extension: the WebSocket, its description, health."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """How Jupyter Server finds the extension."""
    from jupyter_ext.app import WhispererApp  # noqa: PLC0415 - a server that only lists extensions need not load it

    return [{"module": "jupyter_ext", "app": WhispererApp}]
