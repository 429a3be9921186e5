"""What a tool may know and use while it runs; once its call is over, nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import msgspec

from whisperer_kernel.events import Event, ProviderInfo
from whisperer_kernel.sessions.opencall import OpenCall
from whisperer_kernel.tools.call import ToolResult
from whisperer_kernel.tools.tool import Denied, ToolFailed


class Turn(Protocol):
    """What the turn does for its tools."""

    async def within(self, outer: OpenCall, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Carry out a client's tool inside another's call."""
        ...

    async def tell(self, event: Event) -> None:
        """Put an event into the session's log."""
        ...

    async def can(self, name: str) -> bool:
        """Whether somebody is there who carries this out."""
        ...


class CallContext(msgspec.Struct, frozen=True):
    """Is the ``ToolContext`` of one call."""

    call: OpenCall
    agent: str
    message_id: str
    provider: ProviderInfo
    workspace: Path | None
    turn: Turn

    async def ask_client(self, name: str, arguments: dict[str, Any]) -> str:
        """Have a client carry out a tool of its own. Raises ``ToolFailed``, and of those ``Denied``."""
        self._check()
        result = await self.turn.within(self.call, name, arguments)
        if result.is_error:
            raise (Denied if result.is_denied else ToolFailed)(result.content)
        return result.content

    async def tell(self, event: Event) -> None:
        """Put an event into the session's log. Raises ``ToolFailed`` where the call is over."""
        self._check()
        await self.turn.tell(event)

    async def can_ask(self, name: str) -> bool:
        """Whether a client is there who carries this tool out."""
        return await self.turn.can(name)

    def if_unanswered(self, words: str, *events: Event) -> None:
        """What is said and told should the person stop the turn instead of answering a question of this call."""
        self.call.if_unanswered = (words, events)

    def _check(self) -> None:
        if self.call.is_over:
            raise ToolFailed("This call is over.")
