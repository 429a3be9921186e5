"""Hands belong to the client: which connected client can carry out which tool, and what it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from whisperer_kernel.tools.call import ToolResult
from whisperer_kernel.tools.tool import Tool


class ToolClient(Protocol):
    """A connection that may carry out tools."""

    @property
    def client_id(self) -> str:
        """By which events name it."""
        ...

    @property
    def page(self) -> str:
        """The page in a browser that it comes from; empty where that does not matter."""
        ...


class ClientTools:
    """The client tools of one session: who declared them, and the calls that wait for a result."""

    def __init__(self) -> None:
        self._declared: dict[str, Mapping[str, Tool]] = {}
        self._waiting: dict[str, asyncio.Future[ToolResult]] = {}
        self._pages: dict[str, str] = {}
        # Which client each waiting call was given to.
        self._given: dict[str, str] = {}

    def came(self, client: ToolClient) -> None:
        """A client is there, whether or not it carries anything out."""
        if client.page:
            self._pages[client.client_id] = client.page

    def declare(self, client: ToolClient, tools: Sequence[Tool]) -> None:
        """A client says what it can carry out; what it said before no longer counts."""
        self._declared.pop(client.client_id, None)
        if tools:
            self._declared[client.client_id] = {tool.name: tool for tool in tools}

    def of(self, client: ToolClient) -> list[Tool]:
        """What this client has declared."""
        return list(self._declared.get(client.client_id, {}).values())

    def gone(self, client: ToolClient) -> None:
        """A client is gone. What it was asked for can still be answered by another, or by it when it is back."""
        self._declared.pop(client.client_id, None)
        self._pages.pop(client.client_id, None)

    def has(self, client: ToolClient) -> bool:
        """Whether this client has said that it can carry something out."""
        return client.client_id in self._declared

    def find(self, name: str, preferred: str | None = None) -> tuple[str, Tool] | None:
        """Who carries out the tool of this name: the one preferred, else its page's, else the last that declared it.

        A notebook may be open in two pages, each with cells of its own: what is asked in one is done there. The one
        preferred comes last where it only stands in.
        """
        newest_first = list(reversed(self._declared))
        page = self._pages.get(preferred or "")
        neighbours = [each for each in newest_first if page is not None and self._pages.get(each) == page]
        for client_id in [*([preferred] if preferred else []), *neighbours, *newest_first]:
            tool = self._declared.get(client_id, {}).get(name)
            if tool is not None and not tool.stand_in:
                return client_id, tool
        own = self._declared.get(preferred or "", {}).get(name)
        return None if own is None else (preferred or "", own)

    def take_over(self, client: ToolClient, tool_call_id: str, name: str) -> bool:
        """Whether this client is to carry out a waiting call: it can, and whoever was asked is no longer there.

        From then on it is the one that was asked: two clients that come back do not do the same thing twice.
        """
        asked = self._given.get(tool_call_id)
        tool = self._declared.get(client.client_id, {}).get(name)
        if asked is None or tool is None or tool.stand_in:
            return False
        if asked != client.client_id and asked in self._declared:
            return False
        self._given[tool_call_id] = client.client_id
        return True

    def tools(self, asking: str) -> list[Tool]:
        """Every tool that somebody can carry out now for a message of this client, each once."""
        declared = [(client_id, tool) for client_id, tools in self._declared.items() for tool in tools.values()]
        return list(
            {tool.name: tool for client_id, tool in declared if not tool.stand_in or client_id == asking}.values()
        )

    def expect(self, tool_call_id: str, client_id: str) -> asyncio.Future[ToolResult]:
        """A call was given to a client: the future is its result."""
        future: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._waiting[tool_call_id], self._given[tool_call_id] = future, client_id
        future.add_done_callback(lambda _: self._settled(tool_call_id))
        return future

    def provide(self, tool_call_id: str, result: ToolResult) -> bool:
        """A client answers. The first answer wins; False: it came too late, or was never asked for."""
        future = self._waiting.get(tool_call_id)
        if future is None or future.done():
            return False
        future.set_result(result)
        return True

    def _settled(self, tool_call_id: str) -> None:
        self._waiting.pop(tool_call_id, None)
        self._given.pop(tool_call_id, None)
