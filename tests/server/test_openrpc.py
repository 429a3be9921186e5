"""The OpenRPC document: what it describes is what is there, and what is there is as it describes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from tests.fakes.provider import FakeProvider, Reply
from tests.server.client import Client, RpcError
from tests.server.process import TOKEN, Server
from tests.server.test_security import fetch
from whisperer_kernel.events import EVENT_TYPES
from whisperer_kernel.rpc import methods

REQUIRED = {
    "startSession",
    "resumeSession",
    "stopSession",
    "session.delete",
    "sendUserMessage",
    "session.cancel",
    "agent.list",
    "session.switch_agent",
    "session.current_agent",
    "session.handoff",
    "session.list",
    "session.history",
    "session.clear",
    "model.list",
    "session.set_model",
    "provideToolResult",
    "tool.permit",
    "session.set_mode",
    "plan.list",
    "plan.read",
    "plan.update",
    "echo",
}
NOTIFICATIONS = {
    "AIMessageChunkNotification",
    "UserMessageNotification",
    "AIReasoningChunkNotification",
    "ToolCallNotification",
    "tool.permission_requested",
    "tool.permission_resolved",
    "plan.updated",
    "agent.switched",
    "SessionStatusNotification",
    "session.usage",
}
UI = Path(__file__).parents[2] / "jupyter_ext" / "ui"
PRINT = "import('@open-rpc/meta-schema').then((module) => console.log(JSON.stringify(module.default.default)))"
# What the meta-schema takes for the schema of schemas: JSON Schema draft 7, under an address of its own.
SCHEMAS_SCHEMA = "https://meta.json-schema.tools"


@pytest.fixture(scope="session")
def meta_schema() -> Draft7Validator:
    """OpenRPC's own meta-schema, as its makers publish it on npm."""
    node = shutil.which("node")
    assert node is not None
    printed = subprocess.run([node, "-e", PRINT], cwd=UI, capture_output=True, text=True, check=True)
    schemas = DRAFT7.create_resource(Draft7Validator.META_SCHEMA)
    registry: Registry[Any] = Registry().with_resource(SCHEMAS_SCHEMA, schemas)
    return Draft7Validator(json.loads(printed.stdout), registry=registry)


@pytest.fixture
async def document(server: Server) -> dict[str, Any]:
    """The document as the server gives it."""
    response = await fetch(server, "/whisperer/openrpc.json", Authorization=f"token {TOKEN}")
    assert response.headers["Content-Type"].startswith("application/json")
    found: dict[str, Any] = json.loads(response.body)
    return found


def references(value: Any) -> Iterator[str]:
    """Every ``$ref`` in a JSON value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator for a schema that stands in the document."""
    return Draft202012Validator({**schema, "components": document["components"]})


async def test_document_is_valid(document: dict[str, Any], meta_schema: Draft7Validator) -> None:
    """The document is as OpenRPC's own meta-schema wants it, and each schema in it is one."""
    meta_schema.validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for method in document["methods"]:
        for descriptor in (*method["params"], method["result"]):
            Draft202012Validator.check_schema(descriptor["schema"])
        names = [param["name"] for param in method["params"]]
        assert len(names) == len(set(names))
        required = [param["required"] for param in method["params"]]
        assert required == sorted(required, reverse=True), (
            f"{method['name']}: a required parameter after an optional one"
        )


async def test_references(document: dict[str, Any]) -> None:
    """Every reference leads somewhere, and every schema is referred to."""
    found = set(references(document))
    there = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert found <= there


async def test_documented_is_registered(document: dict[str, Any], client: Client) -> None:
    """What is described can be called, what can be called is described, and nothing of the protocol is missing."""
    names = [method["name"] for method in document["methods"]]
    assert len(names) == len(set(names))
    assert set(names) == set(methods._declared)
    assert set(names) >= REQUIRED
    assert {kind["name"] for kind in document["x-notifications"]} == set(EVENT_TYPES)
    assert set(EVENT_TYPES) >= NOTIFICATIONS
    takes_nothing = {method["name"] for method in document["methods"] if not method["params"]}
    assert takes_nothing == {"agent.list", "model.list", "provider.list"}
    for name in set(names) - takes_nothing:
        with pytest.raises(RpcError) as refused:
            await client.request(name, sessionId=7, limit="x", message=7, sessionParams=7, name=7, key=7)
        assert refused.value.code == -32602, name


async def test_parameters_by_position(document: dict[str, Any], client: Client) -> None:
    """Parameters by position are taken in the order in which the document has them."""
    await client.start()
    by_name = {method["name"]: [param["name"] for param in method["params"]] for method in document["methods"]}
    values = {"sessionId": client.session_id, "agent": "alice", "limit": 1, "cursor": None, "clientMessageId": None}
    positional = [values[name] for name in by_name["session.history"]]
    response = await client.exchange({"jsonrpc": "2.0", "id": "p", "method": "session.history", "params": positional})
    assert len(response["result"]["messages"]) == 1


async def plan_with_tools(call: Callable[..., Awaitable[Any]], client: Client, provider: FakeProvider) -> None:
    """Permission, a client's tool, and a plan that is read and changed."""
    session = {"sessionId": client.session_id}
    step = {"title": "Look", "what": "Look at it.", "check": "seen"}
    plan = {"title": "See", "goal": "It was seen.", "steps": [step]}
    provider.script(Reply.tools(("call-1", "make_plan", plan)), Reply.answer("Planned."))
    sent = await call("sendUserMessage", message="@patricia Plan it", **session)
    request = await client.expect("tool.permission_requested", messageId=sent["messageId"])
    await call("tool.permit", requestId=request["requestId"], decision="allow_once", **session)
    running = await client.expect("ToolCallNotification", toolName="insert_cells", status="running")
    await call("provideToolResult", toolCallId=running["toolCallId"], result="done", **session)
    await client.answer(sent["messageId"])
    (made,) = (await call("plan.list", **session))["plans"]
    await call("plan.read", planId=made["planId"], **session)
    await call("plan.update", planId=made["planId"], approve=True, **session)
    await call("session.set_mode", mode="plan", **session)


async def test_conversation_is_as_described(document: dict[str, Any], client: Client, provider: FakeProvider) -> None:
    """Every result and every notification of a conversation fits the schema that the document has for it."""
    results = {method["name"]: validator(document, method["result"]["schema"]) for method in document["methods"]}

    async def call(method: str, **params: Any) -> Any:
        result = await client.request(method, **params)
        results[method].validate(result)
        return result

    started = await call("startSession", sessionParams={"notebook": "described.ipynb", "clientTools": ["insert_cells"]})
    client.session_id = started["sessionId"]
    session = {"sessionId": client.session_id}
    for message in ("Hello", "@tessa Hello"):
        sent = await call("sendUserMessage", message=message, context=[{"type": "text", "text": "x"}], **session)
        await client.answer(sent["messageId"])
    for model in ("fault-401", "fault-429-huge", "fault-reasoning-only", "fault-reset", "fault-usage-last"):
        await call("session.set_model", model=model, **session)
        await client.ask("Hello")
    await plan_with_tools(call, client, provider)
    await call("session.switch_agent", agent_id="patricia", **session)
    await call("session.handoff", to_agent="tessa", note="a note", **session)
    for method in ("session.current_agent", "session.history", "session.cancel"):
        await call(method, **session)
    for method in ("agent.list", "session.list", "model.list"):
        await call(method)
    await call("echo", message="x")
    await call("resumeSession", afterSeq=10**6, **session)
    await call("session.clear", **session)
    await call("stopSession", **session)
    await call("session.delete", **session)

    kinds = {kind["name"]: validator(document, kind["params"]) for kind in document["x-notifications"]}
    assert {event.method for event in client.events} >= NOTIFICATIONS
    for event in client.events:
        kinds[event.method].validate(event.params)
