"""The kernel's own client: it is asked for what touches the kernel, and answers over the same connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import ToolCall
from whisperer_kernel.notebook.kernel_tools import KernelTools
from whisperer_kernel.notebook.peer import Params, Peer

Ask = Callable[..., Awaitable[Any]]


class Hands:
    """Carries out the kernel's tools for one connection. Everything here runs on the background's loop."""

    def __init__(self, peer: Peer, tools: KernelTools, kernel_id: str) -> None:
        self._peer = peer
        self._tools = tools
        self._kernel_id = kernel_id
        self._client_id: str | None = None
        # Every call once, however often it is asked for: a connection that comes back asks again.
        self._taken: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def attach(self, ask: Ask) -> None:
        """Say what this kernel carries out; on a new connection, again. Raises ``WhispererError``, ``Disconnected``."""
        await ask("kernel.attach", {"kernelId": self._kernel_id, "clientTools": self._tools.names}, self._attached)

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

    async def _carry_out(self, call: Params) -> None:
        answer = {"sessionId": call["sessionId"], "toolCallId": call["toolCallId"], "isError": False}
        try:
            answer["result"] = await self._tools.call(call["toolName"], call["arguments"])
        except Exception as error:  # noqa: BLE001 - the model reads it
            words = str(error) if isinstance(error, WhispererError) else f"{type(error).__name__} in the kernel"
            answer |= {"result": words, "isError": True}
        try:
            await self._peer.request("provideToolResult", answer)
        except WhispererError:
            # The session is gone, or nobody waits any more.
            return
