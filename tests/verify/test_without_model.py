"""A model that cannot call tools: Tessa makes tests of the function that is named all the same."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec

from tests.verify.notebook import Notebook
from whisperer_kernel.agents.registry import AgentRegistry
from whisperer_kernel.ai.scripted import ScriptedProvider
from whisperer_kernel.config import Config
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.dispatcher import Dispatcher
from whisperer_kernel.rpc.methods import Methods
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.services import Services
from whisperer_kernel.sessions.sqlite import open_store
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.verify.kernelside import characterisation

NOTEBOOK = Notebook("def shout(text: str) -> str:\n    return text.upper()")


class Page:
    """A client that carries out the kernel's tools and the browser's, and says yes to every question."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.events: list[dict[str, Any]] = []
        self.answers: dict[int, Any] = {}
        self.over = asyncio.Event()
        self.session = ""
        self.asked = 0
        self._dispatcher = dispatcher
        self._connection = Connection("local", self._take)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def ask(self, method: str, **params: Any) -> Any:
        """A request's result."""
        number = len(self.answers) + 1
        self.answers[number] = None
        frame = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self._dispatcher.handle(json.dumps(frame), self._connection)
        return self.answers[number]["result"]

    def told(self, method: str) -> list[dict[str, Any]]:
        """The events of this method."""
        return [event["params"] for event in self.events if event["method"] == method]

    def _take(self, frame: str) -> None:
        message = json.loads(frame)
        if "id" in message:
            self.answers[message["id"]] = message
            return
        self.events.append(message)
        params = message["params"]
        if message["method"] == "tool.permission_requested":
            self._do("tool.permit", requestId=params["requestId"], decision="allow_once")
        elif message["method"] == "ToolCallNotification" and params["status"] == "running" and params.get("clientId"):
            self._do("provideToolResult", toolCallId=params["toolCallId"], **_carried_out(params))
        elif message["method"] == "AIMessageChunkNotification" and params["isFinal"] and self.session:
            self.over.set()

    def _do(self, method: str, **params: Any) -> None:
        task = asyncio.get_running_loop().create_task(self.ask(method, sessionId=self.session, **params))
        self._tasks.add(task)


def _carried_out(call: dict[str, Any]) -> dict[str, Any]:
    name = call["arguments"].get("name") or call["arguments"].get("target")
    if call["toolName"] == "list_variables":
        shout = {"name": "shout", "type": "function", "signature": "shout(text)"}
        return {"result": json.dumps({"variables": [shout], "modules": []})}
    if call["toolName"] == "record_behaviour":
        run = characterisation(name, NOTEBOOK.names, NOTEBOOK.cells)
        return {"result": msgspec.json.encode(run).decode()}
    return {"result": "inserted"}


async def turn(tmp_path: Path, message: str, **params: Any) -> Page:
    """What comes of one message to Tessa."""
    config = Config()
    provider = ScriptedProvider(supports_tools=False)

    async def choose(*_: Any) -> ScriptedProvider:
        return provider

    services = Services(
        config,
        AgentRegistry.load(config, tmp_path),
        open_store("memory://"),
        tools=ToolRegistry.load(),
        environ={},
        choose=choose,
    )
    manager = StatelessSessionManager(services)
    page = Page(Dispatcher(Methods(manager).table()))
    tools = ["list_variables", "record_behaviour", "insert_cells"]
    started = await page.ask("startSession", sessionParams={"agent": "tessa", "clientTools": tools, **params})
    page.session = started["sessionId"]
    await page.ask("sendUserMessage", sessionId=page.session, message=message)
    async with asyncio.timeout(30):
        await page.over.wait()
    page.asked = len(provider.requests)
    await manager.aclose()
    return page


async def test_function_that_is_named_is_tested(tmp_path: Path) -> None:
    """Labelled for what they are, run, inserted; the model is not asked, the person is."""
    page = await turn(tmp_path, "Please write tests for `shout`!")
    report = page.told("tests.reported")[0]["report"]
    assert (report["origin"], list(report["counts"]), report["inserted"]) == ("characterisation", ["passed"], True)
    assert [ask["toolName"] for ask in page.told("tool.permission_requested")] == ["record_behaviour", "insert_cells"]
    said = "".join(chunk["chunk"] for chunk in page.told("AIMessageChunkNotification")[1:])
    assert said.startswith("Tests of `shout`: ")
    assert "They record what the code does today" in said
    assert page.asked == 0


async def test_command_is_the_persons_yes(tmp_path: Path) -> None:
    """Who writes it is not asked again; in the mode that changes nothing it is refused all the same."""
    page = await turn(tmp_path, "/tests shout")
    assert page.told("tests.reported")
    assert not page.told("tool.permission_requested")
    refused = await turn(tmp_path, "/tests shout", mode="plan")
    assert not refused.told("tests.reported")


async def test_otherwise_she_answers_in_words(tmp_path: Path) -> None:
    """No function of the kernel is named, or no tests are asked for."""
    for message in ("How do I write tests of a parser?", "Explain `shout`."):
        page = await turn(tmp_path, message)
        assert not page.told("tests.reported")
        assert page.asked == 1
