"""A tool call from a model that cannot call tools: what its reply has to look like, and when it is asked for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class ReplyShape(msgspec.Struct, frozen=True, kw_only=True):
    """How a model that cannot call tools is asked for a call: by a reply that is the call's arguments.

    ``schema`` is small, so that a small model can fill it; ``parameters`` are the request's, among them a
    ``max_tokens`` with room enough for it. ``wanted`` says of a message whether it asks for what the tool makes.
    ``instructions`` go to the end of the system prompt. ``mend`` puts right what needs no second question. ``refusal``
    is for the person, where no reply would do. ``for_demo``: the arguments for a message where the demo model answers,
    which is too small to be asked.
    """

    schema: dict[str, Any]
    parameters: dict[str, Any]
    instructions: str
    wanted: Callable[[str], bool]
    refusal: str
    for_demo: Callable[[str], dict[str, Any]]
    mend: Callable[[dict[str, Any]], dict[str, Any]] | None = None
