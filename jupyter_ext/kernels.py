"""What the server knows of kernels and notebooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

CONTENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
Moved = Callable[[str, str | None], Awaitable[None]]


def follow_moves(serverapp: Any, moved: Moved) -> None:
    """Tell of every notebook or folder that is renamed or deleted by way of the server: old path, new path or None."""

    async def happened(logger: Any, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - given by name
        match data["action"]:
            case "rename":
                await moved(data["source_path"], data["path"])
            case "delete":
                await moved(data["path"], None)

    serverapp.event_logger.add_listener(schema_id=CONTENTS, listener=happened)


async def notebook_of(serverapp: Any, kernel_id: str) -> str | None:
    """The path of the notebook that this kernel runs, as it is called now."""
    for model in await serverapp.session_manager.list_sessions():
        if model["kernel"] is not None and model["kernel"]["id"] == kernel_id and model["type"] == "notebook":
            path: str = model["path"]
            return path
    return None
