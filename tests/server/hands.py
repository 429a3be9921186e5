"""A foreign client with tools of its own: what it declares, and how it answers what it is asked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from tests.server.client import Client, Event

CALL, ASKED, RESOLVED = "ToolCallNotification", "tool.permission_requested", "tool.permission_resolved"

Json = dict[str, Any]


def declared(name: str, **properties: Any) -> Json:
    """A tool as a client declares it."""
    schema = {"type": "object", "properties": properties, "required": [*properties]}
    return {"name": name, "description": f"Do what {name} says.", "inputSchema": schema}


LAMP = declared("set_lamp", room={"type": "string"}, on={"type": "boolean"})
LOOK = {**declared("look"), "annotations": {"readOnlyHint": True}}


async def call(client: Client, message_id: str, status: str, **params: Any) -> Event:
    """The turn's call when it has this status."""
    return await client.expect(CALL, messageId=message_id, status=status, **params)


async def asked(client: Client, message_id: str) -> Event:
    """The permission request of a turn."""
    return await client.expect(ASKED, messageId=message_id)


async def permit(client: Client, request: Event | Json, decision: str, **more: Any) -> int:
    """Answer a permission request; the status."""
    result = await client.request(
        "tool.permit", sessionId=client.session_id, requestId=request["requestId"], decision=decision, **more
    )
    status: int = result["status"]
    return status


async def provide(client: Client, tool_call: Event | Json, result: Any, **more: Any) -> int:
    """Answer a tool call; the status."""
    answer = await client.request(
        "provideToolResult", sessionId=client.session_id, toolCallId=tool_call["toolCallId"], result=result, **more
    )
    status: int = answer["status"]
    return status


def statuses(client: Client, message_id: str, **params: Any) -> list[str]:
    """The statuses that the turn's calls went through, in order."""
    return [event["status"] for event in client.seen(CALL, messageId=message_id, **params)]


class Cells:
    """Plays the notebook: takes what it is asked to insert, and answers what it is asked to read."""

    def __init__(self, client: Client, **results: str) -> None:
        self.client = client
        self.inserted: list[list[Json]] = []
        self._results = results
        self._answered: set[str] = set()
        self._serving = asyncio.create_task(self._serve())

    def stop(self) -> None:
        """Answer no more."""
        self._serving.cancel()

    async def _serve(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self.client.until(self._open, patience=300)
                for event in self._open():
                    self._answered.add(event["toolCallId"])
                    await self._answer(event)

    def _open(self) -> list[Event]:
        mine = self.client.seen(CALL, status="running", clientId=self.client.started["clientId"])
        return [event for event in mine if event["toolCallId"] not in self._answered]

    async def _answer(self, event: Event) -> None:
        name = event["toolName"]
        if name == "insert_cells":
            self.inserted.append(event["arguments"]["cells"])
            await provide(self.client, event, "inserted")
        elif name in self._results:
            await provide(self.client, event, self._results[name])
        else:
            await provide(self.client, event, f"There is no {name} here.", isError=True)
