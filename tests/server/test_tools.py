"""Tools through a client that speaks the protocol and nothing else, and tools of a package that is not ours."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.examples.install import WEATHER, install
from tests.fakes.provider import DONE, FakeProvider, Reply, finish
from tests.fakes.reply import chunk, tool_fragment
from tests.server.client import Answer, Client, Event, Json, RpcError
from tests.server.conftest import Connect, environment
from tests.server.hands import CALL, LAMP, LOOK, asked, call, declared, permit, provide, statuses
from tests.server.process import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tooled(shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in whose environment the example package is installed."""
    folder = install(WEATHER, tmp_path_factory.mktemp("site"))
    path = os.pathsep.join([str(ROOT), str(folder)])
    environ = {**environment(shared_provider, LIMITS__MAX_ROUNDS="4"), "PYTHONPATH": path}
    with Server(tmp_path_factory.mktemp("server"), environ=environ) as running:
        yield running


@pytest.fixture
async def client(connect: Connect, tooled: Server, provider: FakeProvider) -> Client:  # noqa: ARG001 - a clean provider
    """A connection to that server, with a session in which nothing is asked."""
    opened = await connect(tooled)
    await opened.start(mode="auto", clientTools=[LAMP, LOOK])
    return opened


async def told(client: Client, provider: FakeProvider, name: str, arguments: dict[str, Any]) -> str:
    """What the model is told of a call that it makes."""
    provider.script(Reply.tools(("call-1", name, arguments)), Reply.answer("So it is."))
    answer = await client.ask("Do it")
    assert (answer.text, answer.reason) == ("So it is.", "stop")
    last = provider.chats()[-1].json["messages"][-1]
    assert (last["role"], last["tool_call_id"]) == ("tool", "call-1")
    content: str = last["content"]
    return content


def offered(provider: FakeProvider) -> list[str]:
    """The names of the tools that the last request offered."""
    return [tool["function"]["name"] for tool in provider.chats()[-1].json.get("tools", [])]


# --- a client's own tool ----------------------------------------------------------------------------------------------


async def test_round_trip(client: Client, provider: FakeProvider) -> None:
    """A client's tool is offered with its schema, asked of that client by event, answered by request."""
    provider.script(Reply.tools(("call-1", "set_lamp", {"room": "hall", "on": True})), Reply.answer("It is on."))
    message_id = await client.send("Light in the hall")
    running = await call(client, message_id, "running")
    assert running["clientId"] == client.started["clientId"]
    assert (running["executor"], running["agent"]) == ("client", "alice")
    assert running["arguments"] == {"room": "hall", "on": True}
    assert await provide(client, running, {"lamp": "on"}) == 0
    answer = await client.answer(message_id)
    assert answer.text == "It is on."
    assert statuses(client, message_id) == ["pending", "running", "done"]
    assert client.seen(CALL, status="done")[-1]["result"] == '{"lamp":"on"}'
    first, second = (chat.json for chat in provider.chats()[-2:])
    tool = next(tool["function"] for tool in first["tools"] if tool["function"]["name"] == "set_lamp")
    assert tool["parameters"] == LAMP["inputSchema"]
    assert second["messages"][-1] == {"role": "tool", "tool_call_id": "call-1", "content": '{"lamp":"on"}'}
    *_, result, reply = await client.history()
    (made,) = reply["toolCalls"]
    assert (made["toolName"], made["arguments"], made["status"]) == ("set_lamp", running["arguments"], "done")
    assert (result["toolCallId"], result["content"]) == (made["toolCallId"], '{"lamp":"on"}')


async def test_next_turn_knows_the_call(client: Client, provider: FakeProvider) -> None:
    """What a tool returned stays in the agent's memory of the session."""
    await told(client, provider, "forecast", {"city": "Rome"})
    await client.ask("And now?")
    roles = [message["role"] for message in provider.chats()[-1].json["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]


async def test_first_answer_counts(client: Client, provider: FakeProvider) -> None:
    """A second result of a call changes nothing; one for a call that never was is an error."""
    provider.script(Reply.tools(("call-1", "look", {})), Reply.answer("Seen."))
    message_id = await client.send("Look")
    running = await call(client, message_id, "running")
    assert await provide(client, running, "first") == 0
    assert await provide(client, running, "second") == 1
    await client.answer(message_id)
    assert await provide(client, running, "third") == 1
    assert client.seen(CALL, status="done")[-1]["result"] == "first"
    with pytest.raises(RpcError) as refused:
        await provide(client, {"toolCallId": "no-such-call"}, "x")
    assert refused.value.code == -32008


async def test_clients_error_is_a_result(client: Client, provider: FakeProvider) -> None:
    """Where the client could not do it the model reads why."""
    provider.script(Reply.tools(("call-1", "look", {})), Reply.answer("Dark."))
    message_id = await client.send("Look")
    await provide(client, await call(client, message_id, "running"), "It is dark.", isError=True)
    await client.answer(message_id)
    assert statuses(client, message_id)[-1] == "error"
    assert provider.chats()[-1].json["messages"][-1]["content"] == "It is dark."


async def test_client_that_never_answers(client: Client, provider: FakeProvider) -> None:
    """A call that its client does not answer in time ends without it, and a late answer changes nothing."""
    await client.start(mode="auto", clientTools=["ask_the_neighbour"], new=True)
    provider.script(Reply.tools(("call-1", "ask_the_neighbour", {"city": "Rome"})), Reply.answer("Nobody is at home."))
    message_id = await client.send("Ask")
    running = await call(client, message_id, "running")
    assert (await client.answer(message_id)).text == "Nobody is at home."
    assert statuses(client, message_id) == ["pending", "running", "error"]
    assert provider.chats()[-1].json["messages"][-1]["content"] == "No result within 0.3 s."
    assert await provide(client, running, "sun") == 1


async def test_clients_large_result(client: Client, provider: FakeProvider) -> None:
    """A client's result is held to the tool's bound as well, and says so."""
    provider.script(Reply.tools(("call-1", "look", {})), Reply.answer("Much."))
    message_id = await client.send("Look")
    assert await provide(client, await call(client, message_id, "running"), "rain " * 200_000) == 0
    await client.answer(message_id)
    content = provider.chats()[-1].json["messages"][-1]["content"]
    assert content.endswith("[cut: 980,000 of 1,000,000 characters]")
    assert client.seen(CALL, status="done")[-1]["result"] == content


async def test_result_too_large_for_a_frame(
    client: Client, connect: Connect, tooled: Server, provider: FakeProvider
) -> None:
    """Ten megabytes from a client close its socket; the call waits for it to come back and say something shorter."""
    provider.script(Reply.tools(("call-1", "look", {})), Reply.answer("Too much."))
    message_id = await client.send("Look")
    running = await call(client, message_id, "running")
    client.ask_for(
        "provideToolResult", sessionId=client.session_id, toolCallId=running["toolCallId"], result="x" * 10_000_000
    ).add_done_callback(lambda lost: lost.cancelled() or lost.exception())
    # Who is still writing may be cut off before the close frame with its 1009 is read.
    assert await client.closed() in {1009, None}
    back = await connect(tooled)
    back.session_id = client.session_id
    resume = {"sessionId": client.session_id, "afterSeq": running.seq, "clientTools": [LOOK]}
    (pending,) = (await back.request("resumeSession", **resume))["pending"]["toolCalls"]
    assert await provide(back, pending, "It is more than I can send.", isError=True) == 0
    assert (await back.answer(message_id)).text == "Too much."
    assert provider.chats()[-1].json["messages"][-1]["content"] == "It is more than I can send."


async def test_cancelled_while_a_client_works(client: Client, provider: FakeProvider) -> None:
    """A turn that is cancelled waits for no client; what it answers then changes nothing."""
    provider.script(Reply.tools(("call-1", "look", {})))
    message_id = await client.send("Look")
    running = await call(client, message_id, "running")
    assert (await client.request("session.cancel", sessionId=client.session_id))["cancelled"]
    assert (await client.answer(message_id)).reason == "cancelled"
    assert client.seen(CALL, messageId=message_id)[-1]["error"] == "Stopped."
    assert await provide(client, running, "seen") == 1
    assert statuses(client, message_id) == ["pending", "running", "error"]


async def test_offered_while_somebody_can(
    client: Client, connect: Connect, tooled: Server, provider: FakeProvider
) -> None:
    """A client's tools are offered as long as it is connected, and to nobody after that."""
    other = await connect(tooled)
    await other.request("resumeSession", sessionId=client.session_id, afterSeq=0, clientTools=[declared("ring_bell")])
    await client.ask("Hello")
    assert {"ring_bell", "set_lamp", "forecast"} <= {*offered(provider)}
    await other.close()
    await client.ask("Hello")
    assert "ring_bell" not in offered(provider)
    assert "insert_cells" not in offered(provider)
    assert len(offered(provider)) == len({*offered(provider)})


async def test_two_tabs_one_execution(client: Client, connect: Connect, tooled: Server, provider: FakeProvider) -> None:
    """Of two clients that could do it the one whose message it is is asked; the other sees that."""
    other = await connect(tooled)
    other.session_id = client.session_id
    resumed = await other.request("resumeSession", sessionId=client.session_id, afterSeq=0, clientTools=[LOOK])
    provider.script(Reply.tools(("call-1", "look", {})), Reply.answer("Seen."))
    message_id = await client.send("Look")
    running = await call(other, message_id, "running")
    assert running["clientId"] == client.started["clientId"] != resumed["clientId"]
    # One that comes now is not asked either, since the one that was asked is there.
    third = await connect(tooled)
    late = await third.request("resumeSession", sessionId=client.session_id, afterSeq=0, clientTools=[LOOK])
    assert late["pending"]["toolCalls"] == []
    assert await provide(client, running, "once") == 0
    await client.answer(message_id)
    assert statuses(client, message_id) == ["pending", "running", "done"]


async def test_client_gone_and_back(client: Client, connect: Connect, tooled: Server, provider: FakeProvider) -> None:
    """A call whose client is gone waits, and is addressed to the first that comes back; to no second one."""
    provider.script(Reply.tools(("call-1", "look", {})), Reply.answer("Seen."))
    message_id = await client.send("Look")
    running = await call(client, message_id, "running")
    await client.close()
    resume = {"sessionId": client.session_id, "afterSeq": running.seq, "clientTools": [LOOK]}
    back = await connect(tooled)
    back.session_id = client.session_id
    resumed = await back.request("resumeSession", **resume)
    (pending,) = resumed["pending"]["toolCalls"]
    assert (pending["toolCallId"], pending["clientId"]) == (running["toolCallId"], resumed["clientId"])
    second = await connect(tooled)
    assert (await second.request("resumeSession", **resume))["pending"]["toolCalls"] == []
    assert await provide(back, pending, "still here") == 0
    assert (await back.answer(message_id)).text == "Seen."
    assert provider.chats()[-1].json["messages"][-1]["content"] == "still here"


async def lost_lamp(client: Client, provider: FakeProvider) -> Event:
    """A call that changes something, whose client is gone before it has answered."""
    provider.script(Reply.tools(("call-1", "set_lamp", {"room": "hall", "on": True})), Reply.answer("Well."))
    running = await call(client, await client.send("Light"), "running")
    await client.close()
    return running


async def come_back(client: Client, connect: Connect, server: Server, after: Event, **more: Any) -> tuple[Client, Json]:
    """A client with the lamp takes the place of the one that is gone; what it was told."""
    back = await connect(server)
    back.session_id = client.session_id
    params = {"sessionId": client.session_id, "afterSeq": after.seq, "clientTools": [LAMP, LOOK], **more}
    return back, await back.request("resumeSession", **params)


async def test_what_was_handed_out_is_not_done_again(
    client: Client, connect: Connect, tooled: Server, provider: FakeProvider
) -> None:
    """A call that changes something is given to nobody else; who comes anew without it ends it as not known."""
    running = await lost_lamp(client, provider)
    back, resumed = await come_back(client, connect, tooled, running, toolCalls=[])
    assert resumed["pending"]["toolCalls"] == []
    assert (await back.answer(running["messageId"])).text == "Well."
    assert statuses(back, running["messageId"]) == ["error"]
    assert "is not known" in provider.chats()[-1].json["messages"][-1]["content"]
    assert await provide(back, running, "late") == 1


async def test_who_says_nothing_may_still_answer(
    client: Client, connect: Connect, tooled: Server, provider: FakeProvider
) -> None:
    """A client that does not say what it is still at is not asked again, and its answer counts all the same."""
    running = await lost_lamp(client, provider)
    back, resumed = await come_back(client, connect, tooled, running)
    assert resumed["pending"]["toolCalls"] == []
    assert await provide(back, running, "lit") == 0
    assert (await back.answer(running["messageId"])).text == "Well."
    assert provider.chats()[-1].json["messages"][-1]["content"] == "lit"


async def test_who_is_still_at_it_goes_on(
    client: Client, connect: Connect, tooled: Server, provider: FakeProvider
) -> None:
    """A client that says which call it is still at has it again, and no other that comes ends it."""
    running = await lost_lamp(client, provider)
    back, resumed = await come_back(client, connect, tooled, running, toolCalls=[running["toolCallId"]])
    (pending,) = resumed["pending"]["toolCalls"]
    assert (pending["toolCallId"], pending["clientId"]) == (running["toolCallId"], resumed["clientId"])
    _, other = await come_back(client, connect, tooled, running, toolCalls=[])
    assert other["pending"]["toolCalls"] == []
    assert await provide(back, pending, "lit") == 0
    assert (await back.answer(running["messageId"])).text == "Well."
    assert statuses(back, running["messageId"]) == ["done"]


@pytest.mark.parametrize(
    ("name", "arguments", "is_repeated"),
    [
        ("read_cells", {"cell_ids": ["c"]}, True),
        ("insert_cells", {"cells": [{"type": "code", "source": "1"}]}, True),
        ("insert_cells", {"cells": [{"type": "code", "source": "1"}], "run": True}, False),
        ("replace_cell", {"cell_id": "c", "source": "1"}, False),
        ("run_cells", {"cell_ids": ["c"]}, False),
    ],
)
async def test_page_that_was_loaded_anew(
    connect: Connect, provider: FakeProvider, name: str, arguments: Json, *, is_repeated: bool
) -> None:
    """A new page reads and inserts what its predecessor was asked for; what may have run it does not run again."""
    kernel_id = uuid4().hex
    chat, cells = await connect(), await connect(path="/whisperer/ws?client=cells")
    await chat.start(kernelId=kernel_id, mode="auto")
    attach: Json = {"kernelId": kernel_id, "clientTools": [name], "toolCalls": []}
    await cells.request("kernel.attach", **attach)
    provider.script(Reply.tools(("call-1", name, arguments)), Reply.answer("Well."))
    message_id = await chat.send("Do it")
    running = await call(chat, message_id, "running")
    await cells.close()
    new = await connect(path="/whisperer/ws?client=cells")
    asked_again = (await new.request("kernel.attach", **attach))["toolCalls"]
    assert [each["toolCallId"] for each in asked_again] == [running["toolCallId"]] * is_repeated
    new.session_id = chat.session_id
    for each in asked_again:
        await provide(new, each, "done")
    await chat.answer(message_id)
    assert statuses(chat, message_id)[-1] == ("done" if is_repeated else "error")


async def test_kernel_that_died_while_it_ran_tests(connect: Connect, provider: FakeProvider) -> None:
    """The kernel's client that comes after a restart is not given the test run of the one that died."""
    kernel_id = uuid4().hex
    attach: Json = {"kernelId": kernel_id, "clientTools": ["run_tests"], "toolCalls": []}
    page = await connect()
    await page.start(kernelId=kernel_id, agent="tessa", mode="auto", clientTools=["insert_cells"])
    kernel = await connect(path="/whisperer/ws?client=kernel")
    await kernel.request("kernel.attach", **attach)
    tests = "def test_it():\n    assert f() == 1"
    provider.script(Reply.tools(("call-1", "make_tests", {"target": "f", "tests": tests})), Reply.answer("Well."))
    message_id = await page.send("Test f")
    await call(page, message_id, "running", toolName="run_tests")
    await kernel.close()
    restarted = await connect(path="/whisperer/ws?client=kernel")
    assert (await restarted.request("kernel.attach", **attach))["toolCalls"] == []
    ended = await call(page, message_id, "error", toolName="run_tests")
    assert "is not known" in ended["error"]
    assert (await page.answer(message_id)).text == "Well."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"room": "hall"}, "'on' is a required property"),
        ({"room": "hall", "on": "yes"}, "on: 'yes' is not of type 'boolean'"),
    ],
)
async def test_clients_schema_is_held_to(
    client: Client, provider: FakeProvider, arguments: dict[str, Any], words: str
) -> None:
    """Arguments that are not as declared never reach the client; the model reads what is wrong, and all are told."""
    assert await told(client, provider, "set_lamp", arguments) == f"The arguments are not what set_lamp takes: {words}"
    (event,) = client.seen(CALL, toolName="set_lamp")
    assert (event["status"], event["executor"], event["arguments"]) == ("error", "client", arguments)
    assert words in event["error"]
    assert "clientId" not in event.params
    assert client.seen("tool.permission_requested") == []


async def test_call_of_no_tool_is_told_as_it_was(client: Client, provider: FakeProvider) -> None:
    """A call of a tool that is not there is told with its arguments, and remembered with them."""
    await told(client, provider, "no_such_tool", {"room": "hall"})
    (event,) = client.seen(CALL, toolName="no_such_tool")
    assert (event["status"], event["arguments"]) == ("error", {"room": "hall"})
    await client.ask("And now?")
    (remembered,) = (message for message in provider.chats()[-1].json["messages"] if message.get("tool_calls"))
    assert json.loads(remembered["tool_calls"][0]["function"]["arguments"]) == {"room": "hall"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "is no JSON schema"),
        ({"$ref": "#"}, "takes too long to be applied"),
        ({"properties": {"x": {"enum": ["x" * 40_000]}}}, "is too large"),
        ({"properties": {"x": {"pattern": "("}}}, "no regular expression"),
        ({"patternProperties": {"(a+)+": {}}}, "patternProperties"),
    ],
)
async def test_unfit_schema(client: Client, schema: dict[str, Any], words: str) -> None:
    """A schema that cannot be applied is refused with its tool's name and the reason."""
    tool = {"name": "odd", "description": "Odd.", "inputSchema": schema}
    for method, params in (
        ("startSession", {"sessionParams": {"clientTools": [tool], "new": True}}),
        ("resumeSession", {"sessionId": client.session_id, "afterSeq": 0, "clientTools": [tool]}),
        ("kernel.attach", {"kernelId": "k", "clientTools": [tool]}),
    ):
        with pytest.raises(RpcError) as refused:
            await client.request(method, **params)
        assert refused.value.code == -32602
        assert "odd" in refused.value.message
        assert words in refused.value.message


async def test_schema_is_never_fetched(client: Client) -> None:
    """What a schema refers to elsewhere is refused, and nobody connects to it."""
    visitors: list[object] = []
    listener = await asyncio.start_server(lambda *visitor: visitors.append(visitor), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    tool = declared("odd", x={"$ref": f"http://127.0.0.1:{port}/x.json"})
    with pytest.raises(RpcError) as refused:
        await client.request("startSession", sessionParams={"clientTools": [tool], "new": True})
    assert refused.value.code == -32602
    listener.close()
    assert visitors == []


async def test_hostile_pattern(client: Client, connect: Connect, tooled: Server, provider: FakeProvider) -> None:
    """A pattern that would match for years ends in an error for the model, and the server answers meanwhile."""
    hostile = declared("odd", x={"type": "string", "pattern": "^(a|aa)+$"})
    await client.start(mode="auto", clientTools=[hostile], new=True)
    provider.script(Reply.tools(("call-1", "odd", {"x": "a" * 80 + "b"})), Reply.answer("Well."))
    message_id = await client.send("Try")
    other = await connect(tooled)
    assert await other.request("echo", message="still there") == "still there"
    assert (await client.answer(message_id)).text == "Well."
    assert statuses(client, message_id) == ["error"]
    assert "take too long" in provider.chats()[-1].json["messages"][-1]["content"]


async def test_bad_declarations(client: Client) -> None:
    """A name that nobody knows, and one that no provider takes, are refused."""
    for tools in (["no_such_tool"], ["forecast"], [declared("two words")], [declared("")]):
        with pytest.raises(RpcError) as refused:
            await client.request("startSession", sessionParams={"clientTools": tools, "new": True})
        assert refused.value.code == -32602


async def test_the_cell_that_asks_is_named(connect: Connect, tooled: Server, provider: FakeProvider) -> None:
    """Who carries a call out is told which cell's code sent the message, to know what waits for it."""
    client = await connect(tooled)
    await client.start(mode="auto", clientTools=[LAMP], new=True)
    provider.script(Reply.tools(("call-1", "set_lamp", {"room": "hall", "on": True})), Reply.answer("Well."))
    message_id = await client.send("Light", cellId="cell-1")
    running = await call(client, message_id, "running")
    assert running["cellId"] == "cell-1"
    await provide(client, running, "lit")
    await client.answer(message_id)
    assert client.seen("UserMessageNotification", messageId=message_id)[0]["cellId"] == "cell-1"


async def test_stand_in(connect: Connect, tooled: Server, provider: FakeProvider) -> None:
    """A stand-in does its tool for messages of its own alone, and only where no other client can."""
    kernel, page = await connect(tooled), await connect(tooled)
    await kernel.start(mode="auto", kernelId="k-stand-in")
    attached = await kernel.request("kernel.attach", kernelId="k-stand-in", clientTools=[], standIns=[LAMP])
    assert attached["clientId"] == kernel.started["clientId"]
    await page.start(kernelId="k-stand-in")
    on = {"room": "hall", "on": True}
    for sender, owner, expected in ((kernel, kernel, True), (page, page, False), (kernel, page, True)):
        if owner is page and sender is kernel:
            await page.start(kernelId="k-stand-in", clientTools=[LAMP])
        provider.script(Reply.tools(("call-1", "set_lamp", on)), Reply.answer("Well."))
        message_id = await sender.send("Light")
        if expected:
            running = await call(sender, message_id, "running")
            assert running["clientId"] == owner.started["clientId"]
            await provide(owner, running, "lit")
        await sender.answer(message_id)
        assert ("set_lamp" in offered(provider)) is expected
        assert statuses(sender, message_id)[-1] == ("done" if expected else "error")


# --- a package's tools ------------------------------------------------------------------------------------------------


async def test_package_tool_appears(client: Client, provider: FakeProvider) -> None:
    """Another package's tool is listed, offered and carried out like our own."""
    agents = (await client.request("agent.list"))["agents"]
    alice = next(agent for agent in agents if agent["agent_id"] == "alice")
    assert {"forecast", "read_file", "insert_cells"} <= {*alice["tools"]}
    assert await told(client, provider, "forecast", {"city": "Rome", "days": 2}) == "Rome: rain for 2 days, says alice."
    assert "forecast" in offered(provider)


async def test_package_tool_is_gated(client: Client, provider: FakeProvider) -> None:
    """A package's tool needs a yes as ours do, and says what it will do."""
    await client.request("session.set_mode", sessionId=client.session_id, mode="ask")
    provider.script(Reply.tools(("call-1", "order_umbrella", {"city": "Rome"})), Reply.answer("Ordered."))
    message_id = await client.send("Umbrella")
    request = await asked(client, message_id)
    assert (request["preview"], request["bound"]) == ("Order an umbrella to Rome.", {"city": "Rome"})
    await permit(client, request, "allow_once")
    await client.answer(message_id)
    assert statuses(client, message_id) == ["pending", "waiting_permission", "running", "done"]


async def test_package_tool_is_granted_for_the_session(client: Client, provider: FakeProvider) -> None:
    """A yes for the session is bound to what the package's tool names; a no, its reason and the mode count too."""
    await client.request("session.set_mode", sessionId=client.session_id, mode="ask")

    async def order(**arguments: str) -> str:
        provider.script(Reply.tools(("call-1", "order_umbrella", arguments)), Reply.answer("Well."))
        return await client.send("Umbrella")

    granted = await order(city="Rome")
    await permit(client, await asked(client, granted), "allow_session")
    await client.answer(granted)
    same = await client.answer(await order(city="Rome", color="red"))
    assert statuses(client, same.message_id) == ["pending", "running", "done"]
    other = await order(city="Oslo")
    await permit(client, await asked(client, other), "deny", reason="It is dry there.")
    await client.answer(other)
    assert statuses(client, other) == ["pending", "waiting_permission", "denied"]
    assert "It is dry there." in provider.chats()[-1].json["messages"][-1]["content"]
    await client.request("session.set_mode", sessionId=client.session_id, mode="plan")
    planned = await client.answer(await order(city="Rome"))
    assert statuses(client, planned.message_id) == ["pending", "denied"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("break_the_barometer", "ValueError: the barometer broke"),
        ("stop_the_world", "SystemExit: 3"),
        ("cancel_the_day", "CancelledError: the tool gave up."),
        ("wait_for_sun", "No result within 0.3 s."),
        ("ignore_the_clock", "No result within 0.3 s."),
        ("no_such_tool", "There is no tool named no_such_tool."),
        ("make_plan", "There is no tool named make_plan."),
        ("notebook_outline", "Nobody is connected who could carry out notebook_outline."),
    ],
)
async def test_failure_is_a_result(client: Client, provider: FakeProvider, name: str, words: str) -> None:
    """Whatever a tool does is told to the model, and the turn goes on."""
    assert await told(client, provider, name, {}) == words
    (ended,) = client.seen(CALL, toolName=name, status="error")
    assert ended["error"] == words
    assert (await client.ask("Still there?")).reason == "stop"


async def test_ten_megabytes(client: Client, provider: FakeProvider) -> None:
    """A result is held to its tool's bound, and says so."""
    content = await told(client, provider, "whole_climate", {})
    assert len(content) < 1_100
    assert content.endswith("[cut: 9,999,000 of 10,000,000 characters]")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"city": "Rome", "days": 9}, "Expected `int` <= 7"),
        ({"days": 1}, "missing required field `city`"),
        ({"city": "Rome", "country": "Italy"}, "unknown field `country`"),
        ({"city": ["Rome"]}, "Expected `str`, got `array`"),
        ({"city": "Atlantis"}, "There is no weather in Atlantis."),
    ],
)
async def test_bad_arguments(client: Client, provider: FakeProvider, arguments: dict[str, Any], words: str) -> None:
    """What does not fit the schema is not carried out, and the model reads why."""
    assert words in await told(client, provider, "forecast", arguments)


@pytest.mark.parametrize("cut", ['{"city": "Ro', '{"city"', "[", '["Rome"]', '"Rome"', "null", "{" * 100_000])
@pytest.mark.parametrize(("name", "executor"), [("order_umbrella", "server"), ("set_lamp", "client")])
async def test_cut_arguments(client: Client, provider: FakeProvider, cut: str, name: str, executor: str) -> None:
    """Arguments that are cut, or no object, are never carried out, and told as an error of no arguments."""
    fragment = tool_fragment(0, id="call-1", name=name, arguments=cut)
    provider.script(Reply([chunk(tool_calls=[fragment]), *finish("tool_calls"), DONE]), Reply.answer("Well."))
    message_id = await client.send("Umbrella")
    assert (await client.answer(message_id)).reason == "stop"
    (event,) = client.seen(CALL, messageId=message_id)
    assert (event["status"], event["executor"], event["arguments"]) == ("error", executor, {})
    (repeated,) = provider.chats()[-1].json["messages"][-2]["tool_calls"]
    assert repeated["function"]["arguments"] == "{}"
    told = provider.chats()[-1].json["messages"][-1]["content"]
    assert told.startswith(f"The arguments are not what {name} takes")
    assert event["error"] == told


async def test_same_id_again(client: Client, provider: FakeProvider) -> None:
    """Providers that number their calls anew each round: every call is its own on the wire."""
    for city in ("Rome", "Oslo"):
        provider.script(Reply.tools(("call-1", "forecast", {"city": city})))
    provider.script(Reply.answer("Rain."))
    message_id = await client.send("Weather?")
    await client.answer(message_id)
    done = client.seen(CALL, messageId=message_id, status="done")
    assert [event["arguments"]["city"] for event in done] == ["Rome", "Oslo"]
    assert len({event["toolCallId"] for event in done}) == 2


async def test_several_at_once(client: Client, provider: FakeProvider) -> None:
    """Calls of one response are carried out in order, each answered under its id."""
    calls = [(f"call-{city}", "forecast", {"city": city}) for city in ("Rome", "Oslo", "Atlantis")]
    provider.script(Reply.tools(*calls), Reply.answer("Rain."))
    await client.ask("Weather?")
    answered = provider.chats()[-1].json["messages"][-3:]
    assert [message["tool_call_id"] for message in answered] == [call_id for call_id, _, _ in calls]
    assert answered[2]["content"] == "There is no weather in Atlantis."


async def test_developer_finds_what_a_tool_raised(client: Client, provider: FakeProvider, tooled: Server) -> None:
    """The log has the tool, the type and the line that raised, but not the error's text; a refusal is no such thing."""
    await told(client, provider, "dig", {"city": "Troy-7"})
    assert "the tool dig raised KeyError:\n" in tooled.log
    assert "return LAYERS[city]" in tooled.log
    await told(client, provider, "forecast", {"city": "Atlantis"})
    assert "the tool forecast" not in tooled.log
    assert "Troy-7" not in tooled.log


async def test_developer_finds_what_a_hook_raised(client: Client, provider: FakeProvider, tooled: Server) -> None:
    """A tool that cannot say what it does, nor show it, is asked about all the same; the log has why, no argument."""
    await client.request("session.set_mode", sessionId=client.session_id, mode="edit")
    provider.script(Reply.tools(("call-1", "seed_the_clouds", {"city": "Troy-8"})), Reply.answer("Rain."))
    message_id = await client.send("Make rain")
    request = await asked(client, message_id)
    assert "preview" not in request.params
    assert request["bound"] == {"city": "Troy-8"}
    await permit(client, request, "allow_once")
    await client.answer(message_id)
    assert statuses(client, message_id)[-1] == "done"
    for hook in ("effect", "granted", "preview"):
        assert f"the {hook} of the tool seed_the_clouds raised KeyError:\n" in tooled.log
    assert "Troy-8" not in tooled.log


async def test_same_failure_again_and_again(client: Client, provider: FakeProvider) -> None:
    """A model that never learns is ended by ``max_rounds``."""
    for _ in range(9):
        provider.script(Reply.tools(("call-1", "break_the_barometer", {})))
    answer = await client.ask("Break it")
    assert answer.reason == "max_rounds"
    assert statuses(client, answer.message_id).count("error") == 4
    provider._script.clear()


async def test_cancel_inside_a_tool(client: Client, provider: FakeProvider) -> None:
    """A turn that is cancelled while a tool runs ends at once, and the call is told to be over."""
    provider.script(Reply.tools(("call-1", "wait_all_day", {})))
    message_id = await client.send("Wait")
    await call(client, message_id, "running")
    async with asyncio.timeout(2):
        assert (await client.request("session.cancel", sessionId=client.session_id))["cancelled"]
        answer = await client.answer(message_id)
    assert answer.reason == "cancelled"
    assert statuses(client, message_id) == ["pending", "running", "error"]
    assert client.seen(CALL, messageId=message_id)[-1]["error"] == "Stopped."


async def test_tool_that_asks_a_client(client: Client, provider: FakeProvider) -> None:
    """A tool here has a client's tool carried out: its own call on the wire, none in the model's memory."""
    provider.script(Reply.tools(("call-1", "look_outside", {})), Reply.answer("Snow."))
    message_id = await client.send("Look outside")
    inner = await call(client, message_id, "running", toolName="look")
    assert inner["origin"] == "tool"
    await provide(client, inner, "snow")
    answer: Answer = await client.answer(message_id)
    assert answer.text == "Snow."
    await client.ask("And?")
    messages = provider.chats()[-1].json["messages"]
    assert [message["content"] for message in messages if message["role"] == "tool"] == ["They say: snow"]
