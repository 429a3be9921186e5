"""A client that speaks the protocol and nothing else: the tests' own, so that no code of Whisperer's proves itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Self

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.server.process import TOKEN, Server

Json = dict[str, Any]
PATIENCE_S = 15.0


class RpcError(Exception):
    """A request was answered by an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]
        self.data: Json = error.get("data", {})


class Event:
    """A notification: its method, and its parameters as items."""

    def __init__(self, message: Json) -> None:
        self.method: str = message["method"]
        self.params: Json = message["params"]
        self.seq: int = self.params["seq"]

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter that may be left out."""
        return self.params.get(name, default)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and (self.method, self.params) == (other.method, other.params)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.seq} {self.method} {self.params}>"


class Answer:
    """A turn that has ended: its text, put together from the chunks, and its one final event."""

    def __init__(self, message_id: str, chunks: list[Event]) -> None:
        finals = [chunk for chunk in chunks if chunk["isFinal"]]
        assert len(finals) == 1, f"{len(finals)} final events"
        assert chunks[-1] is finals[0], "text after the final event"
        self.message_id = message_id
        self.chunks = chunks
        self.final = finals[0]
        self.text = "".join(chunk["chunk"] for chunk in chunks)
        self.agent: str = self.final["agent"]
        self.reason: str = self.final["finishReason"]
        self.error: Json = self.final.get("error", {})


class Client:
    """One connection. ``events`` are all notifications so far, ``frames`` all that came, in order."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._numbers = count(1)
        self._waiting: dict[Any, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self.frames: list[Any] = []
        self.events: list[Event] = []
        self.session_id = ""
        self.started: Json = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls,
        server: Server,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        path: str = "/whisperer/ws",
    ) -> Self:
        """A connection to the server. Raises ``tornado.httpclient.HTTPClientError`` where it is refused."""
        given = {**({"Authorization": f"token {token}"} if token is not None else {}), **(headers or {})}
        request = HTTPRequest(f"ws{server.url[4:]}{path}", headers=given, connect_timeout=PATIENCE_S)
        return cls(await websocket_connect(request, max_message_size=64 << 20))

    # --- raw --------------------------------------------------------------------------------------------------------

    async def write(self, frame: str | bytes) -> None:
        """Send a frame as it is."""
        await self._connection.write_message(frame, binary=isinstance(frame, bytes))

    async def exchange(self, frame: str | Json | list[Any]) -> Any:
        """Send a frame and give back the frame that comes next and is no notification."""
        seen = len(self._responses())
        await self.write(frame if isinstance(frame, str) else json.dumps(frame))
        await self.until(lambda: len(self._responses()) > seen)
        return self._responses()[seen]

    async def closed(self) -> int | None:
        """Wait for the end of the connection; its close code."""
        await asyncio.wait_for(asyncio.shield(self._reading), PATIENCE_S)
        return self._connection.close_code

    async def close(self) -> None:
        """Leave."""
        self._connection.close(1000)
        await asyncio.wait_for(self._reading, PATIENCE_S)

    # --- requests ---------------------------------------------------------------------------------------------------

    def ask_for(self, method: str, **params: Any) -> asyncio.Future[Any]:
        """Send a request without waiting; the future is its result, or raises ``RpcError``."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        writing = self._connection.write_message(json.dumps(message))
        asyncio.ensure_future(writing).add_done_callback(lambda done: done.cancelled() or done.exception())
        return future

    async def request(self, method: str, **params: Any) -> Any:
        """A request's result. Raises ``RpcError``."""
        return await asyncio.wait_for(self.ask_for(method, **params), PATIENCE_S)

    async def start(self, **params: Any) -> Json:
        """Start a session, which the other methods then mean."""
        self.started = await self.request("startSession", sessionParams=params)
        self.session_id = self.started["sessionId"]
        return self.started

    async def resume(self, session_id: str, after_seq: int) -> Json:
        """Resume a session, which the other methods then mean."""
        self.started = await self.request("resumeSession", sessionId=session_id, afterSeq=after_seq)
        self.session_id = session_id
        return self.started

    async def send(self, message: str, **params: Any) -> str:
        """Send a message; its id."""
        sent = await self.request("sendUserMessage", sessionId=self.session_id, message=message, **params)
        message_id: str = sent["messageId"]
        return message_id

    async def ask(self, message: str, **params: Any) -> Answer:
        """Send a message and wait for the end of its turn."""
        return await self.answer(await self.send(message, **params))

    async def history(self, **params: Any) -> list[Json]:
        """The session's messages."""
        found: list[Json] = (await self.request("session.history", sessionId=self.session_id, **params))["messages"]
        return found

    # --- events -----------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE_S) -> None:
        """Wait until what has come in fulfils the condition."""
        async with asyncio.timeout(patience):
            while not condition():
                if self._reading.done():
                    raise ConnectionError(f"closed with {self._connection.close_code}")
                self._news.clear()
                await self._news.wait()

    async def expect(self, method: str, **params: Any) -> Event:
        """The first notification of this method that has these parameters, which may be still to come."""
        await self.until(lambda: self.seen(method, **params))
        return self.seen(method, **params)[0]

    def seen(self, method: str, **params: Any) -> list[Event]:
        """The notifications of this method with these parameters so far."""
        return [
            event
            for event in self.events
            if event.method == method and all(event.get(name) == value for name, value in params.items())
        ]

    async def wait_for(self, count: int) -> None:
        """Wait until ``count`` events have come."""
        await self.until(lambda: len(self.events) >= count)

    async def answer(self, message_id: str) -> Answer:
        """The turn of this message, when it has ended."""
        await self.expect("AIMessageChunkNotification", messageId=message_id, isFinal=True)
        return Answer(message_id, self.chunks(message_id))

    async def text(self, message_id: str, text: str) -> None:
        """Wait until the answer's text so far holds ``text``; more may have come with it."""
        await self.until(lambda: text in "".join(chunk["chunk"] for chunk in self.chunks(message_id)))

    def chunks(self, message_id: str) -> list[Event]:
        """A turn's text so far."""
        return self.seen("AIMessageChunkNotification", messageId=message_id)

    def numbers(self) -> list[int]:
        """The sequence numbers in the order in which they came."""
        return [event.seq for event in self.events]

    # --- inside -----------------------------------------------------------------------------------------------------

    def _responses(self) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, list) or "method" not in frame]

    async def _read(self) -> None:
        while (frame := await self._connection.read_message()) is not None:
            message = json.loads(frame)
            self.frames.append(message)
            if isinstance(message, dict) and "method" in message:
                assert "id" not in message
                self.events.append(Event(message))
            elif isinstance(message, dict):
                self._settle(message)
            self._news.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError(f"closed with {self._connection.close_code}"))
        self._news.set()

    def _settle(self, response: Json) -> None:
        future = self._waiting.pop(response.get("id"), None)
        if future is None or future.done():
            return
        if "error" in response:
            future.set_exception(RpcError(response["error"]))
        else:
            future.set_result(response["result"])
