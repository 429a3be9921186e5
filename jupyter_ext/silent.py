"""Executes something in a kernel unseen: beside the cell that runs, where the kernel can do that."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from whisperer_kernel.tools.tool import ToolFailed

SUBSHELLS = "kernel subshells"
KEY = "look"


class KernelInfo(msgspec.Struct, frozen=True):
    """What a kernel says of itself."""

    implementation: str = ""
    supported_features: list[str] = []


class Silent:
    """One client of a kernel, for one execution."""

    def __init__(self, kernel: AsyncKernelManager) -> None:
        self._client: AsyncKernelClient = kernel.client()
        # A clone of the manager's session has its id, and who shares an id takes the other's replies.
        self._client.session.session = uuid4().hex
        self._is_busy = getattr(kernel, "execution_state", None) != "idle"

    async def evaluate(self, before: str, expression: str) -> str:
        """The text that ``expression`` is, after ``before`` was executed. Raises ``ToolFailed``.

        It waits as long as the kernel takes: a subshell at work must not be deleted, or the whole kernel would wait.
        """
        self._client.start_channels(iopub=False, stdin=False, hb=False)
        try:
            if not await self._can_be_beside():
                return await self._evaluated(before, expression, None)
            subshell = (await self._control("create_subshell_request"))["subshell_id"]
            text = await self._evaluated(before, expression, subshell)
            await self._control("delete_subshell_request", subshell_id=subshell)
            return text
        finally:
            self._client.stop_channels()

    async def _can_be_beside(self) -> bool:
        """Whether it need not wait for the running cell. Raises ``ToolFailed`` where it must, or cannot look at all."""
        info = msgspec.convert(await self._control("kernel_info_request"), KernelInfo)
        if info.implementation != "ipython":
            raise ToolFailed(
                f"The notebook's kernel ({info.implementation}) is not IPython's and cannot be looked into."
            )
        if SUBSHELLS not in info.supported_features and self._is_busy:
            raise ToolFailed(
                "The kernel is busy, and with an ipykernel older than 7 it answers only between cells. Ask again when "
                "the cell has ended; where whisperer-kernel is installed beside the kernel it answers at any time."
            )
        return SUBSHELLS in info.supported_features

    async def _evaluated(self, before: str, expression: str, subshell: str | None) -> str:
        content = {
            "code": before,
            "silent": True,
            "store_history": False,
            "user_expressions": {KEY: expression},
            "allow_stdin": False,
            # An error of ours must not take the cells along that wait.
            "stop_on_error": False,
        }
        message = self._client.session.msg("execute_request", content)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self._client.shell_channel.send(message)
        return _text(await self._answer(message, self._client.get_shell_msg))

    async def _control(self, kind: str, **content: Any) -> dict[str, Any]:
        message = self._client.session.msg(kind, content)
        self._client.control_channel.send(message)
        return await self._answer(message, self._client.get_control_msg)

    async def _answer(
        self, message: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        while True:
            reply = await receive()
            if reply["parent_header"].get("msg_id") == message["msg_id"]:
                return dict(reply["content"])


def _text(content: dict[str, Any]) -> str:
    value = content.get("user_expressions", {}).get(KEY, content)
    if value.get("status") != "ok":
        raise ToolFailed(f"The kernel could not tell: {value.get('ename')}: {value.get('evalue')}")
    # What the kernel sends is the text's repr.
    text: str = ast.literal_eval(value["data"]["text/plain"])
    return text
