"""What the log is told of an error in somebody's tool."""

from __future__ import annotations

import traceback

LOGGED_FRAMES = 20


def raised(error: BaseException) -> str:
    """Its type and where it arose, for who wrote the tool; not its text, which may hold what the call was about."""
    frames = "".join(traceback.format_tb(error.__traceback__, -LOGGED_FRAMES))
    return f"{type(error).__name__}:\n{frames.rstrip()}"
