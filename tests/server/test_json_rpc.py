"""JSON-RPC 2.0 as its specification says, with the specification's own examples spoken in our methods."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.server.client import Client
from tests.server.frames import hostile_frames

PARSE_ERROR = {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None}


def error(code: int, request_id: Any = None) -> tuple[int, Any]:
    """What an error response comes to, words aside."""
    return code, request_id


def outcome(response: dict[str, Any]) -> tuple[Any, Any]:
    """A response's result or error code, and its id."""
    assert response["jsonrpc"] == "2.0"
    assert ("result" in response) != ("error" in response)
    return response["result"] if "result" in response else response["error"]["code"], response["id"]


@pytest.mark.parametrize(
    ("params", "request_id"),
    [
        pytest.param(["hello"], 1, id="positional"),
        pytest.param({"message": "hello"}, 3, id="named"),
        pytest.param({"message": "hello"}, "a string", id="id is text"),
        pytest.param({"message": "hello"}, 1.5, id="id is a fraction"),
        pytest.param({"message": "hello"}, None, id="id is null"),
    ],
)
async def test_call(client: Client, params: Any, request_id: Any) -> None:
    """A call with parameters by position or by name is answered under its own id."""
    response = await client.exchange({"jsonrpc": "2.0", "method": "echo", "params": params, "id": request_id})
    assert response == {"jsonrpc": "2.0", "id": request_id, "result": "hello"}


async def test_call_without_params(client: Client) -> None:
    """A method that takes nothing may be called without ``params``, or with an empty list or object."""
    for params in ("", ', "params": []', ', "params": {}'):
        response = await client.exchange(f'{{"jsonrpc": "2.0", "method": "agent.list", "id": 1{params}}}')
        assert response["result"]["agents"]


async def test_notification(client: Client) -> None:
    """A request without an id is never answered, whatever becomes of it."""
    for silent in (
        {"jsonrpc": "2.0", "method": "echo", "params": ["silent"]},
        {"jsonrpc": "2.0", "method": "foobar"},
        {"jsonrpc": "2.0", "method": "echo", "params": {"message": 7}},
    ):
        await client.write(json.dumps(silent))
    assert await client.exchange({"jsonrpc": "2.0", "method": "echo", "params": ["heard"], "id": 9}) == {
        "jsonrpc": "2.0",
        "id": 9,
        "result": "heard",
    }


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        pytest.param('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', error(-32601, "1"), id="no such method"),
        pytest.param('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700), id="invalid JSON"),
        pytest.param('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', error(-32600), id="invalid request"),
        pytest.param('{"jsonrpc": "1.0", "method": "echo", "id": 4}', error(-32600, 4), id="another version"),
        pytest.param('{"method": "echo", "id": 4}', error(-32600, 4), id="no version"),
        pytest.param('{"jsonrpc": "2.0", "method": "echo", "id": {}}', error(-32600), id="id is an object"),
        pytest.param('{"jsonrpc": "2.0", "method": "echo", "id": true}', error(-32600), id="id is a boolean"),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "echo", "params": 7, "id": 1}', error(-32600, 1), id="params: a number"
        ),
        pytest.param('{"jsonrpc": "2.0", "method": "echo", "params": [], "id": 1}', error(-32602, 1), id="one missing"),
        pytest.param(
            '{"jsonrpc": "2.0", "method": "echo", "params": ["a", 2], "id": 1}', error(-32602, 1), id="one more"
        ),
        pytest.param('{"jsonrpc": "2.0", "method": "echo", "params": [2], "id": 1}', error(-32602, 1), id="wrong type"),
        pytest.param("[]", error(-32600), id="empty batch"),
        pytest.param("", error(-32700), id="empty frame"),
        pytest.param("null", error(-32600), id="null"),
        pytest.param('"text"', error(-32600), id="text"),
        pytest.param("[" * 100_000, error(-32700), id="deep nesting"),
        pytest.param("1" * 5_000, error(-32700), id="a number of 5,000 digits"),
    ],
)
async def test_errors(client: Client, frame: str, expected: tuple[int, Any]) -> None:
    """What is wrong with a frame is answered by the code that the specification gives it."""
    assert outcome(await client.exchange(frame)) == expected


async def test_invalid_json_in_a_batch(client: Client) -> None:
    """A batch that is no JSON gets one error, not a list."""
    frame = '[{"jsonrpc": "2.0", "method": "echo", "params": ["a"], "id": "1"}, {"jsonrpc": "2.0", "method"]'
    assert await client.exchange(frame) == PARSE_ERROR


@pytest.mark.parametrize("size", [1, 3])
async def test_invalid_batch(client: Client, size: int) -> None:
    """Every item of a batch that is no request gets an error of its own."""
    responses = await client.exchange(json.dumps([1, 2, 3][:size]))
    assert [outcome(response) for response in responses] == [error(-32600)] * size


async def test_mixed_batch(client: Client) -> None:
    """In a mixed batch every request is answered by itself and notifications are not."""
    responses = await client.exchange(
        [
            {"jsonrpc": "2.0", "method": "echo", "params": ["seven"], "id": "1"},
            {"jsonrpc": "2.0", "method": "echo", "params": ["silent"]},
            {"jsonrpc": "2.0", "method": "echo", "params": {"message": "nineteen"}, "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "session.list", "id": "9"},
        ]
    )
    by_id = {response["id"]: response for response in responses}
    assert outcome(by_id["1"]) == ("seven", "1")
    assert outcome(by_id["2"]) == ("nineteen", "2")
    assert outcome(by_id[None]) == error(-32600)
    assert outcome(by_id["5"]) == error(-32601, "5")
    assert "sessions" in by_id["9"]["result"]
    assert len(responses) == 5


async def test_batch_of_notifications(client: Client) -> None:
    """A batch of notifications alone is not answered, not even by an empty list."""
    silent = {"jsonrpc": "2.0", "method": "echo", "params": ["silent"]}
    await client.write(json.dumps([silent, silent]))
    assert await client.request("echo", message="next") == "next"
    assert len(client.frames) == 1


async def test_batch_is_carried_out_in_order(client: Client) -> None:
    """A batch may start a session and speak to it, and all it causes follows its response."""
    responses = await client.exchange(
        [
            {"jsonrpc": "2.0", "method": "startSession", "params": {}, "id": 1},
            {"jsonrpc": "2.0", "method": "session.switch_agent", "params": {"agent_id": "tessa"}, "id": 2},
        ]
    )
    assert responses[1]["result"] == {"success": True, "current_agent": "tessa"}
    await client.expect("agent.switched", to="tessa")
    assert client.frames[0] is responses


async def test_null_is_as_good_as_left_out(client: Client) -> None:
    """A parameter that may be left out may be null."""
    started = await client.request("startSession", userId=None, sessionParams={"agent": None, "notebook": None})
    assert started["agent"] == "alice"


async def test_hostile_frames_leave_the_socket_serving(client: Client) -> None:
    """A thousand mutated, random and malicious frames end in answers, and the next request is served."""
    await client.start()
    seed = random.Random(20_260_101)
    for number, frame in enumerate(hostile_frames(seed, 1_000, client.session_id)):
        await client.write(frame)
        if number % 50 == 0:
            assert await client.request("echo", message=str(number)) == str(number)
    assert await client.request("echo", message="still here") == "still here"
    assert not [frame for frame in client._responses() if _is_internal(frame)]


def _is_internal(frame: Any) -> bool:
    responses = frame if isinstance(frame, list) else [frame]
    return any(response.get("error", {}).get("code") == -32603 for response in responses)
