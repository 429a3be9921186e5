"""The dispatcher, called directly as the in-process carrier calls it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given, strategies as st

from tests.unit.rpc.test_messages import JSON
from whisperer_kernel.errors import ConfigError, InvalidParams, QueueFull
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.connection import Connection
from whisperer_kernel.rpc.dispatcher import Call, Dispatcher, Method, decode_params

KINDS = [kind for kind in vars(p).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]


def dispatcher(order: list[str]) -> Dispatcher:
    """Methods that do what their names say."""

    async def works(call: Call, params: p.Echo) -> str:
        call.at_last(lambda: order.append("at last"))
        order.append("called")
        return params.message

    async def fails(_call: Call, _params: p.Echo) -> str:
        raise QueueFull("The queue is full.", limit="max_queue")

    async def breaks(_call: Call, _params: p.Echo) -> str:
        raise KeyError("a secret")

    handlers = {"works": works, "fails": fails, "breaks": breaks}
    return Dispatcher(
        {
            name: Method(name=name, params=p.Echo, result=str, handle=handle, summary="")
            for name, handle in handlers.items()
        }
    )


async def responses(frame: Any, on: Dispatcher, order: list[str] | None = None) -> list[Any]:
    """What the frame is answered by."""
    sent: list[Any] = []

    def send(text: str) -> None:
        if order is not None:
            order.append("response")
        sent.append(json.loads(text))

    await on.handle(frame if isinstance(frame, str) else json.dumps(frame), Connection("local", send))
    return sent


def call(method: str, request_id: int = 1) -> dict[str, Any]:
    """A request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": ["x"]}


async def test_what_a_request_causes_follows_its_response() -> None:
    """The response goes out first, then what is left to do; of a batch as a whole."""
    order: list[str] = []
    await responses([call("works", 1), call("works", 2)], dispatcher(order), order)
    assert order == ["called", "called", "response", "at last", "at last"]


async def test_errors() -> None:
    """An error of ours is told with its code, its words and its data; any other with the name of its type alone."""
    (fails,) = await responses(call("fails"), dispatcher([]))
    assert fails["error"] == {"code": -32003, "message": "The queue is full.", "data": {"limit": "max_queue"}}
    (breaks,) = await responses(call("breaks"), dispatcher([]))
    assert breaks["error"] == {"code": -32603, "message": "Internal error", "data": {"kind": "KeyError"}}


async def test_broken() -> None:
    """Where Whisperer could not start every request is told why, and what is no request is told that."""
    broken = Dispatcher({}, broken=ConfigError("config.yaml, line 2: wrong"))
    (told,) = await responses(call("works"), broken)
    assert told["error"] == {"code": -32603, "message": "config.yaml, line 2: wrong", "data": {"kind": "config"}}
    assert (await responses("{", broken))[0]["error"]["code"] == -32700


@given(st.lists(JSON, max_size=3) | st.dictionaries(st.sampled_from(["sessionId", "limit", "agent_id", "x"]), JSON))
def test_params_are_taken_or_refused(params: Any) -> None:
    """Whatever stands in ``params`` is what the method takes, or is refused as that."""
    for kind in KINDS:
        with suppress(InvalidParams):
            assert isinstance(decode_params(params, kind), kind)
