"""What a session is started with."""

from __future__ import annotations

import msgspec


class StartParams(msgspec.Struct, kw_only=True, frozen=True):
    """What a new session is started with."""

    agent: str | None = None
    model: str | None = None
    mode: str = "ask"
    context: str | None = None
    language: str | None = None
    notebook: str | None = None
    kernel_id: str | None = None
    new: bool = False
