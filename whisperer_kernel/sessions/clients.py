"""Hands belong to the client: which connected client can carry out which tool, and what it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from whisperer_kernel.tools.call import ToolResult
from whisperer_kernel.tools.tool import Tool

GONE = "Whoever was carrying this out is gone before it was over; whether it was done, and how far, is not known."


class ToolClient(Protocol):
    """A connection that may carry out tools."""

    @property
    def client_id(self) -> str:
        """By which events name it."""
        ...

    @property
    def page(self) -> str:
        """The page in a browser, or the process, that it comes from; empty where that does not matter."""
        ...

    @property
    def front_end(self) -> str | None:
        """The notebook in a page whose cells it owns, as the kernel knows it: ``session`` in its messages' headers."""
        ...


class _Given(msgspec.Struct):
    """A call that waits for its result, and the client that was asked for it."""

    client_id: str
    name: str
    is_repeatable: bool
    result: asyncio.Future[ToolResult]


class ClientTools:
    """The client tools of one session: who declared them, and the calls that wait for a result."""

    def __init__(self) -> None:
        self._declared: dict[str, Mapping[str, Tool]] = {}
        self._given: dict[str, _Given] = {}
        self._pages: dict[str, str] = {}
        self._front_ends: dict[str, str] = {}
        self._news = asyncio.Event()
        # Whether somebody who is still to come was waited for, and has not come.
        self._in_vain = False

    def came(self, client: ToolClient) -> None:
        """A client is there, whether or not it carries anything out."""
        if client.page:
            self._pages[client.client_id] = client.page

    def declare(self, client: ToolClient, tools: Sequence[Tool]) -> None:
        """A client says what it can carry out; what it said before no longer counts."""
        self._declared.pop(client.client_id, None)
        if client.front_end is not None:
            self._front_ends[client.client_id] = client.front_end
        if tools:
            self._declared[client.client_id] = {tool.name: tool for tool in tools}
            self._in_vain = False
            self._news.set()

    def declare_also(self, client: ToolClient, tools: Sequence[Tool]) -> None:
        """A client carries these out beside what it has said before."""
        self.declare(client, [*{tool.name: tool for tool in [*self.of(client), *tools]}.values()])

    def of(self, client: ToolClient) -> list[Tool]:
        """What this client has declared."""
        return list(self._declared.get(client.client_id, {}).values())

    def gone(self, client: ToolClient) -> None:
        """A client is gone. What it was asked for can still be answered by another, or by it when it is back."""
        self._declared.pop(client.client_id, None)
        self._pages.pop(client.client_id, None)
        self._front_ends.pop(client.client_id, None)

    def has(self, client: ToolClient) -> bool:
        """Whether this client has said that it can carry something out."""
        return client.client_id in self._declared

    def find(self, name: str, preferred: str | None = None, front_end: str | None = None) -> tuple[str, Tool] | None:
        """Who carries out the tool of this name.

        The one preferred, else the front end's, else its page's, else the last that declared it. A notebook may be open
        in two pages, each with cells of its own, and two notebooks may have one kernel: what is asked in one is done
        there. The one preferred comes last where it only stands in.
        """
        newest_first = list(reversed(self._declared))
        page = self._pages.get(preferred or "")
        asking = [each for each in newest_first if front_end is not None and self._front_ends.get(each) == front_end]
        neighbours = [each for each in newest_first if page is not None and self._pages.get(each) == page]
        for client_id in [*([preferred] if preferred else []), *asking, *neighbours, *newest_first]:
            tool = self._declared.get(client_id, {}).get(name)
            if tool is not None and not tool.stand_in:
                return client_id, tool
        own = self._declared.get(preferred or "", {}).get(name)
        return None if own is None else (preferred or "", own)

    def declarer(self, tool: Tool) -> tuple[str, Tool] | None:
        """Who has described this very tool, where clients describe tools of their own; None where it is gone."""
        found = ((client_id, tools.get(tool.schema.name)) for client_id, tools in self._declared.items())
        own = ((client_id, one) for client_id, one in found if one is not None and one.declaration == tool.declaration)
        return next(own, None) if tool.declaration else None

    async def awaited(
        self, name: str, preferred: str | None, front_end: str | None, wait_s: float
    ) -> tuple[str, Tool] | None:
        """Like ``find``, but one who is still to come is waited for; once in vain, not again until somebody comes."""
        if self._in_vain:
            return self.find(name, preferred, front_end)
        try:
            async with asyncio.timeout(wait_s):
                while (found := self.find(name, preferred, front_end)) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            self._in_vain = True
            return None
        return found

    def take_over(self, client: ToolClient, tool_call_id: str, own: Collection[str] | None) -> bool:
        """Whether a waiting call is this client's from now on, who has come (back) and can carry it out.

        It is where the client says that it is still at it (``own``), or where whoever was asked is no longer there and
        doing it twice does no harm. Else it may have been done, and nobody is asked again: it waits for its answer, or
        ends where ``own`` says that it is not under way there either.
        """
        given, can = self._given.get(tool_call_id), self._declared.get(client.client_id, {})
        if given is None or given.name not in can or can[given.name].stand_in:
            return False
        if given.client_id == client.client_id or tool_call_id in (own or ()):
            given.client_id = client.client_id
            return True
        if given.client_id in self._declared:
            return False
        if given.is_repeatable:
            given.client_id = client.client_id
        elif own is not None:
            self.provide(tool_call_id, ToolResult(content=GONE, is_error=True))
        return given.is_repeatable

    def tools(self, asking: str) -> list[Tool]:
        """Every tool that somebody can carry out now for a message of this client, each once."""
        declared = [(client_id, tool) for client_id, tools in self._declared.items() for tool in tools.values()]
        usable = [tool for client_id, tool in declared if not tool.stand_in or client_id == asking]
        return list({tool.name: tool for tool in usable}.values())

    def expect(
        self, tool_call_id: str, client_id: str, tool: Tool, arguments: dict[str, Any]
    ) -> asyncio.Future[ToolResult]:
        """A call was given to a client: the future is its result."""
        future: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        self._given[tool_call_id] = _Given(client_id, tool.name, tool.is_repeatable(arguments), future)
        future.add_done_callback(lambda _: self._given.pop(tool_call_id, None))
        return future

    def provide(self, tool_call_id: str, result: ToolResult) -> bool:
        """A client answers. The first answer wins; False: it came too late, or was never asked for."""
        given = self._given.get(tool_call_id)
        if given is None or given.result.done():
            return False
        given.result.set_result(result)
        return True
