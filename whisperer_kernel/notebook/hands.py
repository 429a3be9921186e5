"""The kernel's own client: it is asked for what touches the kernel, and answers over the same connection.

A script has one too, which stands in for a notebook: it takes the cells that agents make.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import ToolCall
from whisperer_kernel.notebook.kernel_tools import KernelTools
from whisperer_kernel.notebook.peer import Params, Peer
from whisperer_kernel.notebook.stand_in import StandIn
from whisperer_kernel.notebook.turn import Turn

Ask = Callable[..., Awaitable[Any]]
TurnOf = Callable[[Params], Turn | None]
"""The turn in which a call was made, where code here waits for it."""


class Hands:
    """Carries tools out for one connection: the kernel's, where it is one, and what it stands in for.

    Everything here runs on the background's loop.
    """

    def __init__(self, peer: Peer, kernel_id: str, turn_of: TurnOf) -> None:
        self.tools: KernelTools | None = None
        self._peer = peer
        self._kernel_id = kernel_id
        self._turn_of = turn_of
        self._stand_in = StandIn()
        self._client_id: str | None = None
        # Every call once, however often it is asked for: a connection that comes back asks again.
        self._taken: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def attach(self, ask: Ask) -> None:
        """Say what this kernel carries out; on a new connection, again. Raises ``WhispererError``, ``Disconnected``."""
        carried_out = {
            "kernelId": self._kernel_id,
            "clientTools": [] if self.tools is None else self.tools.names,
            "standIns": self._stand_in.names,
        }
        await ask("kernel.attach", carried_out, self._attached)

    def notified(self, method: str, params: Params) -> None:
        """An event of some session came, perhaps a call for us."""
        # Only the client that is asked is named, so this is a call that runs, and ours.
        if method == ToolCall.method and params.get("clientId") is not None and params["clientId"] == self._client_id:
            self._take(params)

    def _attached(self, result: Any) -> None:
        self._client_id = result["clientId"]
        for call in result["toolCalls"]:
            self._take(call)

    def _take(self, call: Params) -> None:
        if call["toolCallId"] in self._taken:
            return
        self._taken.add(call["toolCallId"])
        task = asyncio.get_running_loop().create_task(self._carry_out(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _result(self, call: Params) -> str:
        if call["toolName"] in self._stand_in.names:
            return self._stand_in.carry_out(call, self._turn_of(call))
        assert self.tools is not None  # noqa: S101 - only what was declared is asked for
        return await self.tools.call(call["toolName"], call["arguments"])

    async def _carry_out(self, call: Params) -> None:
        answer = {"sessionId": call["sessionId"], "toolCallId": call["toolCallId"], "isError": False}
        try:
            answer["result"] = await self._result(call)
        except Exception as error:  # noqa: BLE001 - the model reads it
            words = str(error) if isinstance(error, WhispererError) else f"{type(error).__name__} in the kernel"
            answer |= {"result": words, "isError": True}
        try:
            await self._peer.request("provideToolResult", answer)
        except WhispererError:
            # The session is gone, or nobody waits any more.
            return
