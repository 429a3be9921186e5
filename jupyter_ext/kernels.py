"""What the server knows of kernels and notebooks."""

from __future__ import annotations

from typing import Any


async def notebook_of(serverapp: Any, kernel_id: str) -> str | None:
    """The path of the notebook that this kernel runs, as it is called now."""
    for model in await serverapp.session_manager.list_sessions():
        if model["kernel"] is not None and model["kernel"]["id"] == kernel_id and model["type"] == "notebook":
            path: str = model["path"]
            return path
    return None
