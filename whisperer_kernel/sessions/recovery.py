"""What a crash cut off in a session, told to be over by whoever runs it next."""

from __future__ import annotations

import msgspec

from whisperer_kernel.events import PermissionResolved
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.opencall import INTERRUPTED
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.turnqueue import TurnQueue


async def end_what_was_cut_off(session_log: SessionLog, state: SessionState, turns: TurnQueue) -> None:
    """Questions, calls, the inner ones first, and turns: each has its end, as ``interrupted``."""
    for request in [*state.asks.permissions.values()]:
        withdrawn = PermissionResolved(
            request_id=request.request_id, decision="deny", by="disconnect", tool_call_id=request.tool_call_id
        )
        await session_log.tell(withdrawn)
    for call in reversed([*state.asks.calls.values()]):
        await session_log.tell(msgspec.structs.replace(call, status="error", error=INTERRUPTED, client_id=None))
    for user in [turn.user for turn in state.open.values()]:
        await turns.end(user, "interrupted")
