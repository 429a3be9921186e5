"""A client that is generated from the OpenRPC document and knows nothing else of Whisperer."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft202012Validator
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.fakes.provider import FakeProvider, Reply
from tests.server.process import TOKEN, Server

AS_USER = {"Authorization": f"token {TOKEN}"}
Json = dict[str, Any]
Send = Callable[[str, Json], Awaitable[Any]]


class Socket:
    """Requests and notifications over the socket that the document names."""

    def __init__(self, connection: WebSocketClientConnection, kinds: dict[str, Draft202012Validator]) -> None:
        self._connection = connection
        self._kinds = kinds
        self._numbers = itertools.count(1)
        self.notifications: list[Json] = []

    async def send(self, method: str, params: Json) -> Any:
        """The result of a request."""
        number = next(self._numbers)
        await self._connection.write_message(
            json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        )
        while (message := await self._read()).get("id") != number:
            pass
        return message["result"]

    async def until(self, method: str, **values: Any) -> Json:
        """The first notification of a kind in which these values stand; what has come already counts."""
        for at in itertools.count():
            while at >= len(self.notifications):
                await self._read()
            params: Json = self.notifications[at]["params"]
            if self.notifications[at]["method"] == method and values.items() <= params.items():
                return params
        raise AssertionError

    async def _read(self) -> Json:
        frame = await self._connection.read_message()
        assert frame is not None
        message: Json = json.loads(frame)
        if "id" not in message:
            self._kinds[message["method"]].validate(message["params"])
            self.notifications.append(message)
        return message


def generated(document: Json, send: Send) -> SimpleNamespace:
    """An async function for each method: arguments by position or name. They and results are checked."""
    client = SimpleNamespace()
    for method in document["methods"]:
        setattr(client, method["name"].replace(".", "_"), _function(document, method, send))
    return client


def _function(document: Json, method: Json, send: Send) -> Callable[..., Awaitable[Any]]:
    names = [param["name"] for param in method["params"]]
    checks = {param["name"]: validator(document, param["schema"]) for param in method["params"]}
    result_check = validator(document, method["result"]["schema"])

    async def call(*values: Any, **named: Any) -> Any:
        params = {**dict(zip(names, values, strict=False)), **named}
        for name, value in params.items():
            checks[name].validate(value)
        result = await send(method["name"], params)
        result_check.validate(result)
        return result

    return call


def validator(document: Json, schema: Json) -> Draft202012Validator:
    """A validator for a schema that stands in the document."""
    return Draft202012Validator({**schema, "components": document["components"]})


@pytest.fixture
async def document(server: Server) -> Json:
    """The document as the server gives it."""
    response = await AsyncHTTPClient().fetch(f"{server.url}/whisperer/openrpc.json", headers=AS_USER)
    found: Json = json.loads(response.body)
    return found


@pytest.fixture
async def socket(server: Server, document: Json) -> AsyncIterator[Socket]:
    """The socket, where the document says that it is."""
    url = urljoin(f"{server.url}/whisperer/openrpc.json", document["servers"][0]["url"]).replace("http", "ws", 1)
    kinds = {kind["name"]: validator(document, kind["params"]) for kind in document["x-notifications"]}
    connection = await websocket_connect(HTTPRequest(url, headers=AS_USER))
    yield Socket(connection, kinds)
    connection.close()


async def test_a_conversation(document: Json, socket: Socket, provider: FakeProvider) -> None:
    """A session is begun, an answer streams in, another agent takes over and the history tells it all."""
    whisperer = generated(document, socket.send)
    provider.script(Reply.answer("A mean of neighbours."), Reply.answer("An empty list."))
    begun = await whisperer.startSession(sessionParams={"notebook": "generated.ipynb"})
    session = begun["sessionId"]
    first = await whisperer.sendUserMessage(session, "What is a rolling mean?")
    await socket.until("AIMessageChunkNotification", messageId=first["messageId"], isFinal=True)
    await whisperer.session_switch_agent(sessionId=session, agent_id="tessa")
    second = await whisperer.sendUserMessage(sessionId=session, message="And its edge case?")
    final = await socket.until("AIMessageChunkNotification", messageId=second["messageId"], isFinal=True)
    assert (final["agent"], final["finishReason"]) == ("tessa", "stop")
    history = (await whisperer.session_history(session))["messages"]
    replies = [
        message["content"] for message in history if message["messageId"] in {first["messageId"], second["messageId"]}
    ]
    assert replies == ["What is a rolling mean?", "A mean of neighbours.", "And its edge case?", "An empty list."]
