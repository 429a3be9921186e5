"""Hands belong to the client: which connected client can carry out which tool, and what it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from whisperer_kernel.tools.call import ToolResult, ToolSchema
from whisperer_kernel.tools.tool import Tool


class ToolClient(Protocol):
    """A connection that may carry out tools."""

    @property
    def client_id(self) -> str:
        """By which events name it."""
        ...


class ClientTools:
    """The client tools of one session: who declared them, and the calls that wait for a result."""

    def __init__(self) -> None:
        self._declared: dict[str, Mapping[str, Tool]] = {}
        self._waiting: dict[str, asyncio.Future[ToolResult]] = {}

    def declare(self, client: ToolClient, tools: Sequence[Tool]) -> None:
        """A client says what it can carry out; what it said before no longer counts."""
        self._declared.pop(client.client_id, None)
        if tools:
            self._declared[client.client_id] = {tool.name: tool for tool in tools}

    def gone(self, client: ToolClient) -> None:
        """A client is gone. What it was asked for can still be answered by another, or by it when it is back."""
        self._declared.pop(client.client_id, None)

    def find(self, name: str, preferred: str | None = None) -> tuple[str, Tool] | None:
        """Who carries out the tool of this name: the one preferred, else the one that declared it last."""
        newest_first = list(reversed(self._declared))
        for client_id in newest_first if preferred is None else [preferred, *newest_first]:
            tool = self._declared.get(client_id, {}).get(name)
            if tool is not None:
                return client_id, tool
        return None

    def can(self, client: ToolClient, name: str) -> bool:
        """Whether this client has declared the tool."""
        return name in self._declared.get(client.client_id, {})

    def tools(self) -> list[Tool]:
        """Every tool that somebody can carry out now, each once."""
        return list({name: tool for declared in self._declared.values() for name, tool in declared.items()}.values())

    def schemas(self) -> list[ToolSchema]:
        """Their schemas."""
        return [tool.schema for tool in self.tools()]

    def expect(self, tool_call_id: str) -> asyncio.Future[ToolResult]:
        """A call was given to a client: the future is its result."""
        future: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._waiting[tool_call_id] = future
        future.add_done_callback(lambda _: self._waiting.pop(tool_call_id, None))
        return future

    def provide(self, tool_call_id: str, result: ToolResult) -> bool:
        """A client answers. The first answer wins; False: it came too late, or was never asked for."""
        future = self._waiting.get(tool_call_id)
        if future is None or future.done():
            return False
        future.set_result(result)
        return True
