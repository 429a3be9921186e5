"""A process's own client: it is asked for what touches the kernel, and answers over the same connection.

That of its code stands in for a notebook: it takes the cells that agents make for it.
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

Ask = Callable[..., Awaitable[Any]]

OVER = {"done", "error", "denied"}
LOST = "The kernel lost its connection to the server while it ran tests, so it ended them."


class Hands:
    """Carries tools out for one connection: the kernel's, and what its code stands in for, where it does.

    Everything here runs on the background's loop.
    """

    def __init__(self, peer: Peer, kernel_id: str, stand_in: StandIn | None) -> None:
        self.tools: KernelTools | None = None
        self._peer = peer
        self._stand_in = stand_in
        self._kernel_id = kernel_id
        self._client_id: str | None = None
        # Every call once, however often it is asked for: a connection that comes back asks again.
        self._taken: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Those of them that run code just now.
        self._running: set[str] = set()

    async def attach(self, ask: Ask) -> None:
        """Say what this kernel carries out; on a new connection, again. Raises ``WhispererError``, ``Disconnected``."""
        carried_out = {
            "kernelId": self._kernel_id,
            "clientTools": [] if self.tools is None else self.tools.names,
            "toolCalls": [*self._tasks],
            **({} if self._stand_in is None else {"standIns": self._stand_in.names}),
        }
        await ask("kernel.attach", carried_out, self._attached)

    def notified(self, method: str, params: Params) -> None:
        """An event of some session came, perhaps a call for us, or the end of one."""
        if method != ToolCall.method:
            return
        # Only the client that is asked is named, so this is a call that runs, and ours.
        if params.get("clientId") is not None and params["clientId"] == self._client_id:
            self._take(params)
        elif params.get("status") in OVER and (task := self._tasks.get(params["toolCallId"])) is not None:
            # Nobody waits for it any more: the turn was stopped, or its time is up.
            task.cancel()

    def lost(self) -> None:
        """The connection is gone. What runs code ends: who might have stopped it could no longer say so."""
        for call_id in self._running & self._tasks.keys():
            self._tasks[call_id].cancel(LOST)

    def _attached(self, result: Any) -> None:
        self._client_id = result["clientId"]
        for call in result["toolCalls"]:
            self._take(call)

    def _take(self, call: Params) -> None:
        if call["toolCallId"] in self._taken:
            return
        self._taken.add(call["toolCallId"])
        task = self._tasks[call["toolCallId"]] = asyncio.get_running_loop().create_task(self._carry_out(call))
        task.add_done_callback(lambda _: self._tasks.pop(call["toolCallId"]))

    async def _carry_out(self, call: Params) -> None:
        answer = {"sessionId": call["sessionId"], "toolCallId": call["toolCallId"], **await self._outcome(call)}
        try:
            await self._peer.request("provideToolResult", answer)
        except WhispererError:
            # The session is gone, or nobody waits any more.
            return

    async def _result(self, call: Params) -> str:
        if self._stand_in is not None and call["toolName"] in self._stand_in.names:
            return self._stand_in.carry_out(call)
        assert self.tools is not None  # noqa: S101 - only what was declared is asked for
        if self.tools.is_run(call["toolName"]):
            self._running.add(call["toolCallId"])
        return await self.tools.call(call["toolName"], call["arguments"])

    async def _outcome(self, call: Params) -> Params:
        """Raises ``CancelledError`` where nobody waits for it any more."""
        try:
            return {"result": await self._result(call), "isError": False}
        except asyncio.CancelledError as reason:
            if LOST not in reason.args:
                raise
            return {"result": LOST, "isError": True}
        except Exception as error:  # noqa: BLE001 - the model reads it
            words = str(error) if isinstance(error, WhispererError) else f"{type(error).__name__} in the kernel"
            return {"result": words, "isError": True}
        finally:
            self._running.discard(call["toolCallId"])
