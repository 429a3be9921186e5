"""Looks into kernels in whose environment this package is not: a silent execution, behind the kernel's own tools.

The kernel's own client is the better way, and goes before this one: it shows nowhere, and runs tests as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from jupyter_client.manager import AsyncKernelManager
from jupyter_server.gateway.managers import GatewayKernelManager

from jupyter_ext.look_program import look, quiet
from jupyter_ext.silent import Silent
from whisperer_kernel.tools.kernel import TOOLS
from whisperer_kernel.tools.tool import Tool, ToolContext, ToolFailed

LOOK_S = 5.0
GIVE_UP_S = 600.0
"""A kernel that does not answer is not asked again until it has, or for this long."""


class Answer(msgspec.Struct, frozen=True):
    """What the program in the kernel tells."""

    result: msgspec.Raw = msgspec.Raw()
    problem: str = ""


class KernelLooks:
    """The looks into a server's kernels, one at a time into each."""

    def __init__(self, kernels: Any) -> None:
        self._kernels = kernels
        self._looking: dict[str, asyncio.Task[str]] = {}

    def tools(self, kernel_id: str) -> list[Tool]:
        """The tools that look, as this server carries them out for a kernel of its own."""
        if self._kernel(kernel_id) is None:
            return []
        return [msgspec.structs.replace(tool, run=partial(self._run, kernel_id, tool.name)) for tool in TOOLS]

    async def aclose(self) -> None:
        """End what is under way."""
        tasks = [*self._looking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, kernel_id: str, tool: str, _context: ToolContext, /, **arguments: Any) -> str:
        deadline = time.monotonic() + LOOK_S
        while (before := self._looking.get(kernel_id)) is not None:
            await asyncio.wait([before], timeout=max(0.0, deadline - time.monotonic()))
            if not before.done():
                raise ToolFailed("The kernel has not answered what it was asked before.")
        task = self._looking[kernel_id] = asyncio.get_running_loop().create_task(self._look(kernel_id, tool, arguments))
        task.add_done_callback(partial(self._ended, kernel_id))
        # It goes on when nobody waits any more: the kernel has it, and cleaning up needs the answer.
        await asyncio.wait([task], timeout=deadline - time.monotonic())
        if not task.done():
            raise ToolFailed(f"The kernel could not tell within {LOOK_S:g} s.")
        return task.result()

    async def _look(self, kernel_id: str, tool: str, arguments: Mapping[str, Any]) -> str:
        kernel = self._kernel(kernel_id)
        if kernel is None:
            raise ToolFailed("The notebook's kernel is gone.")
        spec = kernel.kernel_spec
        if spec is not None and spec.language.lower() != "python":
            raise ToolFailed(f"The notebook's kernel runs {spec.language}: only a Python kernel can be looked into.")
        async with asyncio.timeout(GIVE_UP_S):
            text = await Silent(kernel).evaluate(quiet(), look(tool, arguments))
        answer = msgspec.json.decode(text, type=Answer)
        if answer.problem:
            raise ToolFailed(answer.problem)
        return bytes(answer.result).decode()

    def _kernel(self, kernel_id: str) -> AsyncKernelManager | None:
        """The kernel, where this server runs it; one behind a gateway cannot be asked this way."""
        kernel = self._kernels.get_kernel(kernel_id) if kernel_id in self._kernels else None
        is_ours = isinstance(kernel, AsyncKernelManager) and not isinstance(kernel, GatewayKernelManager)
        return kernel if is_ours else None

    def _ended(self, kernel_id: str, task: asyncio.Task[str]) -> None:
        del self._looking[kernel_id]
        if not task.cancelled():
            # Asked for, so that nothing complains where nobody waits any more.
            task.exception()
