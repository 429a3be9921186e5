"""A question to an agent, as it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.notebook.asker import Asker

TESTER = "tessa"


class Question(msgspec.Struct, frozen=True):
    """A message, and who waits for its answer.

    ``agent`` is who is to answer it (None: the current one), ``context`` holds items as PROTOCOL.md lists them. Under a
    ``client_message_id`` that was sent before it is not sent again, and the same turn answers it.
    """

    message: str
    asker: Asker
    agent: str | None = None
    context: list[dict[str, Any]] = []
    client_message_id: str | None = None


def for_tests(target: Callable[..., Any] | str, asker: Asker) -> Question:
    """What makes tests of a function, without a model. Raises ``InvalidParams``."""
    name = target if isinstance(target, str) else getattr(target, "__qualname__", None)
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise InvalidParams(f"target must be a function or its name, not {target!r}")
    return Question(f"/tests {name}", asker, TESTER)
