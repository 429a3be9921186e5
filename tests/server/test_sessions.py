"""Sessions: started, gone on with, resumed, stopped, listed and deleted."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.server.client import Client, RpcError
from tests.server.conftest import Connect, Serve

ACTIVE, STOPPED = 1, 2


# --- startSession ----------------------------------------------------------------------------------------------------


async def test_start(client: Client) -> None:
    """A session starts active with the default agent, who introduces herself without a model being asked."""
    started = await client.start()
    assert started["status"] == ACTIVE
    assert started["agent"] == "alice"
    assert started["resumed"] is False
    assert started["seq"] == 0
    introduction = await client.expect("AIMessageChunkNotification", isFinal=True)
    assert introduction["agent"] == "alice"
    assert introduction["chunk"].startswith("Hello, I am Alice.")
    assert introduction["finishReason"] == "stop"
    status = await client.expect("SessionStatusNotification", status=ACTIVE)
    assert client.numbers() == [status.seq, introduction.seq] == [1, 2]


async def test_start_asks_no_model(client: Client, provider: FakeProvider) -> None:
    """Neither a start nor an introduction reaches the provider's chat endpoint."""
    await client.start()
    await client.expect("AIMessageChunkNotification", isFinal=True)
    assert provider.chats() == []


async def test_place_of_a_notification(client: Client) -> None:
    """Every notification carries its session, its number and its time in UTC."""
    await client.start()
    introduction = await client.expect("AIMessageChunkNotification", isFinal=True)
    assert introduction["sessionId"] == client.session_id
    assert introduction["ts"].endswith("Z")
    assert introduction["ts"][10] == "T"


async def test_start_with_everything(client: Client, provider: FakeProvider) -> None:
    """Agent, model, context and language of ``sessionParams`` reach the request that a message causes."""
    started = await client.start(
        agent="patricia", model="model-of-mine", mode="plan", context="The data is about bees.", language="Esperanto"
    )
    assert started["agent"] == "patricia"
    await client.ask("What now?")
    body = provider.chats()[0].json
    assert body["model"] == "model-of-mine"
    assert "The data is about bees." in body["messages"][0]["content"]
    assert "Esperanto" in body["messages"][0]["content"]


async def test_context_is_given_to_every_agent(client: Client, provider: FakeProvider) -> None:
    """The session's context is told to the agent that is switched to as well."""
    await client.start(context="The data is about bees.")
    await client.request("session.switch_agent", agent_id="tessa")
    await client.ask("Hello")
    assert "The data is about bees." in provider.chats()[0].json["messages"][0]["content"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"agent": "nobody"}, -32001),
        ({"clientTools": ["no_such_tool"]}, -32602),
        ({"mode": "reckless"}, -32602),
        ({"agent": 7}, -32602),
        ({"clientTools": [{"name": "half a tool"}]}, -32602),
    ],
)
async def test_start_refused(client: Client, params: dict[str, object], code: int) -> None:
    """A start that cannot be is refused, by the parameter's name, and leaves no session behind."""
    notebook = f"{uuid4().hex}.ipynb"
    with pytest.raises(RpcError) as refused:
        await client.start(notebook=notebook, **params)
    assert refused.value.code == code
    assert (await client.start(notebook=notebook))["resumed"] is False


async def test_client_tool_that_is_described(client: Client) -> None:
    """A client tool that comes with its description and schema is taken."""
    tool = {"name": "look", "description": "Look around.", "inputSchema": {"type": "object", "properties": {}}}
    assert (await client.start(clientTools=[tool]))["status"] == ACTIVE


@pytest.mark.parametrize("place", ["notebook", "kernelId"])
async def test_start_goes_on(client: Client, connect: Connect, place: str) -> None:
    """Where this notebook or kernel has a session already, that one goes on."""
    where = {place: uuid4().hex}
    first = await client.start(**where)
    await client.ask("Remember this.")
    other = await connect()
    again = await other.start(**where)
    assert again["sessionId"] == first["sessionId"]
    assert again["resumed"] is True
    assert again["seq"] == client.events[-1].seq
    assert [message["content"] for message in await other.history()][1] == "Remember this."


async def test_kernel_goes_before_notebook(client: Client) -> None:
    """A renamed notebook keeps its session by its kernel, a new kernel keeps it by the notebook's path."""
    kernel, notebook = uuid4().hex, uuid4().hex
    first = await client.start(kernelId=kernel, notebook=notebook)
    renamed = await client.start(kernelId=kernel, notebook=f"{notebook}-renamed")
    assert renamed["sessionId"] == first["sessionId"]
    restarted = await client.start(kernelId=uuid4().hex, notebook=f"{notebook}-renamed")
    assert restarted["sessionId"] == first["sessionId"]
    listed = (await client.request("session.list"))["sessions"][0]
    assert listed["notebook"] == f"{notebook}-renamed"


async def test_start_new(client: Client) -> None:
    """``new`` starts another session of the notebook, and that one goes on from then."""
    notebook = uuid4().hex
    first = await client.start(notebook=notebook)
    second = await client.start(notebook=notebook, new=True)
    assert second["resumed"] is False
    assert second["sessionId"] != first["sessionId"]
    assert (await client.start(notebook=notebook))["sessionId"] == second["sessionId"]


async def test_concurrent_starts_make_one_session(connect: Connect, provider: FakeProvider) -> None:  # noqa: ARG001
    """Two front doors of one notebook that start at once get one session, started once."""
    notebook = uuid4().hex
    clients = [await connect() for _ in range(6)]
    answers = await asyncio.gather(*(one.start(notebook=notebook) for one in clients))
    assert len({answer["sessionId"] for answer in answers}) == 1
    assert sorted(answer["resumed"] for answer in answers) == [False] + [True] * 5
    message_id = await clients[0].send("Hello")
    for one in clients:
        answer = await one.answer(message_id)
        assert answer.text == "The fake provider heard: Hello"


async def test_a_stopped_session_of_the_notebook_becomes_active(client: Client) -> None:
    """Opening a notebook whose session was stopped makes that session active again."""
    notebook = uuid4().hex
    first = await client.start(notebook=notebook)
    await client.request("stopSession", sessionId=client.session_id)
    again = await client.start(notebook=notebook)
    assert (again["sessionId"], again["status"], again["resumed"]) == (first["sessionId"], ACTIVE, True)
    assert (await client.ask("Hello")).reason == "stop"


# --- resumeSession ---------------------------------------------------------------------------------------------------


async def test_resume_replays_what_was_missed(client: Client, connect: Connect) -> None:
    """Resuming at any point replays exactly the events after it, as they were, and adds none."""
    await client.start()
    await client.ask("One")
    await client.ask("Two")
    await client.until(lambda: client.seen("session.usage", promptTokens=14))
    for after in range(len(client.events) + 1):
        other = await connect()
        resumed = await other.resume(client.session_id, after)
        assert "snapshot" not in resumed
        assert resumed["seq"] == len(client.events)
        assert resumed["pending"] == {"permissions": [], "toolCalls": []}
        await other.wait_for(len(client.events) - after)
        assert other.events == client.events[after:]


async def test_resume_in_mid_turn(client: Client, connect: Connect, provider: FakeProvider) -> None:
    """A client that comes back while a turn runs gets what it missed and then the rest, nothing twice."""
    gate = provider.gate()
    provider.script(Reply([*text("one ", "two "), gate, *text("three ", "four"), *finish(), DONE]))
    await client.start()
    message_id = await client.send("Count")
    await client.text(message_id, "two ")
    last = client.events[-1].seq
    await client.close()
    other = await connect()
    await other.resume(client.session_id, last)
    gate.open()
    await other.expect("AIMessageChunkNotification", messageId=message_id, isFinal=True)
    assert other.numbers()[0] == last + 1
    assert other.numbers() == [*range(last + 1, other.events[-1].seq + 1)]
    told = [*client.chunks(message_id), *other.chunks(message_id)]
    assert "".join(chunk["chunk"] for chunk in told) == "one two three four"


async def test_resume_twice_on_one_connection(client: Client) -> None:
    """Resuming on the same connection replays, and from then on every event comes once."""
    await client.start()
    await client.expect("AIMessageChunkNotification", isFinal=True)
    await client.resume(client.session_id, 2)
    answer = await client.ask("Hello")
    assert answer.text == "The fake provider heard: Hello"
    assert client.numbers() == sorted(set(client.numbers()))


async def test_snapshot_where_events_are_no_longer_kept(connect: Connect, serve: Serve) -> None:
    """Past ``limits.replay_events`` a resume brings a snapshot of all that the events have come to."""
    server = serve(LIMITS__REPLAY_EVENTS="5")
    client = await connect(server)
    await client.start()
    first, second = await client.ask("One"), await client.ask("Two")
    await client.until(lambda: client.seen("session.usage", promptTokens=14))
    other = await connect(server)
    resumed = await other.resume(client.session_id, 1)
    snapshot = resumed["snapshot"]
    assert "resync" not in resumed
    assert snapshot["seq"] == resumed["seq"] == client.events[-1].seq
    assert snapshot["agent"] == "alice"
    assert snapshot["plans"] == snapshot["reports"] == []
    assert snapshot["usage"]["promptTokens"] == 14
    said = [(message["messageId"], message["role"], message["content"]) for message in snapshot["messages"]]
    assert said[1:] == [
        (first.message_id, "user", "One"),
        (first.message_id, "assistant", first.text),
        (second.message_id, "user", "Two"),
        (second.message_id, "assistant", second.text),
    ]
    assert (await other.ask("Three")).text == "The fake provider heard: Three"
    assert other.numbers()[0] == snapshot["seq"] + 1
    within = await connect(server)
    assert "snapshot" not in await within.resume(client.session_id, client.events[-1].seq - 2)


async def test_snapshot_in_mid_turn(connect: Connect, serve: Serve, provider: FakeProvider) -> None:
    """A snapshot holds the running turn's text so far; the rest follows as events."""
    gate = provider.gate()
    provider.script(Reply([*text("one ", "two ", "three "), gate, *text("four"), *finish(), DONE]))
    server = serve(LIMITS__REPLAY_EVENTS="1")
    client = await connect(server)
    await client.start()
    message_id = await client.send("Count")
    await client.text(message_id, "three ")
    other = await connect(server)
    resumed = await other.resume(client.session_id, 0)
    running = resumed["snapshot"]["messages"][-1]
    assert (running["messageId"], running["content"]) == (message_id, "one two three ")
    assert "finishReason" not in running
    gate.open()
    await other.expect("AIMessageChunkNotification", messageId=message_id, isFinal=True)
    assert "".join(chunk["chunk"] for chunk in other.chunks(message_id)) == "four"
    assert other.numbers()[0] == resumed["snapshot"]["seq"] + 1


async def test_resync_beyond_the_log(client: Client, connect: Connect) -> None:
    """A client that knows more than the log gets a snapshot and is told to forget what it has."""
    await client.start()
    answer = await client.ask("Hello")
    other = await connect()
    resumed = await other.resume(client.session_id, 10_000)
    assert resumed["resync"] is True
    assert resumed["snapshot"]["messages"][-1]["content"] == answer.text


@pytest.mark.parametrize("after", [-1, "0", 1.5, None])
async def test_resume_at_nonsense(client: Client, after: object) -> None:
    """``afterSeq`` is a whole number from 0."""
    await client.start()
    with pytest.raises(RpcError) as refused:
        await client.request("resumeSession", sessionId=client.session_id, afterSeq=after)
    assert refused.value.code == -32602
    assert "afterSeq" in refused.value.message or "after_seq" in refused.value.message


async def test_resume_makes_a_stopped_session_active(client: Client) -> None:
    """A stopped session becomes active by being resumed, says so, and takes messages again."""
    await client.start()
    await client.request("stopSession", sessionId=client.session_id)
    stopped = await client.expect("SessionStatusNotification", status=STOPPED)
    resumed = await client.resume(client.session_id, stopped.seq)
    assert resumed["status"] == ACTIVE
    await client.until(lambda: len(client.seen("SessionStatusNotification", status=ACTIVE)) == 2)
    assert (await client.ask("Hello")).reason == "stop"


async def test_responses_come_before_the_events_they_cause(client: Client) -> None:
    """Of every request that causes events, the response stands before them."""
    await client.start()
    await client.expect("AIMessageChunkNotification", isFinal=True)
    for method, params in (
        ("session.switch_agent", {"agent_id": "tessa"}),
        ("session.handoff", {"to_agent": "patricia"}),
        ("session.set_model", {"sessionId": client.session_id, "model": "m"}),
        ("sendUserMessage", {"sessionId": client.session_id, "message": "Hello"}),
        ("session.clear", {"sessionId": client.session_id}),
        ("resumeSession", {"sessionId": client.session_id, "afterSeq": 0}),
        ("stopSession", {"sessionId": client.session_id}),
    ):
        before, events = len(client.frames), len(client.events)
        await client.request(method, **params)
        await client.wait_for(events + 1)
        assert "result" in client.frames[before], method
        if method == "sendUserMessage":
            await client.expect("session.usage")
        # Answered when all that came before has been sent.
        await client.request("echo", message="")


# --- stopSession, session.delete -------------------------------------------------------------------------------------


async def test_stop(client: Client) -> None:
    """A stopped session answers messages with -32002 until it is resumed; stopping it again changes nothing."""
    await client.start()
    for _ in range(3):
        assert await client.request("stopSession", sessionId=client.session_id) == {"status": STOPPED}
    with pytest.raises(RpcError) as refused:
        await client.send("Hello")
    assert refused.value.code == -32002
    assert len(client.seen("SessionStatusNotification", status=STOPPED)) == 1
    assert len(await client.history()) == 1


async def test_resume_straight_after_a_stop(client: Client) -> None:
    """A session that is resumed while it is being released comes back whole, however the two meet."""
    await client.start()
    for number in range(10):
        # Resumed before it is released, where both come in one batch, and while it is.
        stop = {"jsonrpc": "2.0", "id": "stop", "method": "stopSession", "params": [client.session_id]}
        resume = {"jsonrpc": "2.0", "id": "resume", "method": "resumeSession", "params": [client.session_id, 0]}
        _, resumed = await client.exchange([stop, resume])
        assert resumed["result"]["status"] == ACTIVE
        await client.ask("Hello")
        await client.request("stopSession", sessionId=client.session_id)
        await client.resume(client.session_id, resumed["result"]["seq"])
        answer = await client.ask(f"Message {number}")
        assert answer.text == f"The fake provider heard: Message {number}"


async def test_stop_cancels_the_turn(client: Client, provider: FakeProvider) -> None:
    """Stopping ends the running turn and the queued one as cancelled and closes the provider's connection."""
    await client.start(model="slow")
    running, queued = await client.send("One"), await client.send("Two")
    await client.text(running, "word0 ")
    await client.request("stopSession", sessionId=client.session_id)
    assert (await client.answer(running)).reason == "cancelled"
    assert (await client.answer(queued)).reason == "cancelled"
    assert await asyncio.to_thread(provider.chats()[0].closed.wait, 1)
    stopped = await client.expect("SessionStatusNotification", status=STOPPED)
    assert stopped.seq == client.events[-1].seq == client.seen("AIMessageChunkNotification", isFinal=True)[-1].seq + 1
    assert len(provider.chats()) == 1


async def test_delete(client: Client, connect: Connect) -> None:
    """A deleted session is unknown, its log is gone, and who was connected is told."""
    await client.start()
    await client.ask("Hello")
    other = await connect()
    await other.resume(client.session_id, 0)
    assert await client.request("session.delete", sessionId=client.session_id) == {"status": 0}
    await other.expect("SessionStatusNotification", status=STOPPED)
    for method, params in (
        ("resumeSession", {"afterSeq": 0}),
        ("session.history", {}),
        ("sendUserMessage", {"message": "Hello"}),
        ("session.delete", {}),
        ("stopSession", {}),
    ):
        with pytest.raises(RpcError) as refused:
            await client.request(method, sessionId=client.session_id, **params)
        assert refused.value.code == -32002
    listed = (await client.request("session.list"))["sessions"]
    assert client.session_id not in [session["sessionId"] for session in listed]


# --- session.list ----------------------------------------------------------------------------------------------------


async def test_list(connect: Connect, serve: Serve) -> None:
    """The caller's sessions are listed newest first, page by page, each once, with the title of its first message."""
    client = await connect(serve())
    ids = []
    for number in range(7):
        await client.start(agent="tessa" if number == 3 else "alice")
        await client.ask(f"Question {number}\nwith details")
        ids.append(client.session_id)
    await client.request("stopSession", sessionId=ids[-1])
    pages, cursor = [], None
    while True:
        page = await client.request("session.list", limit=3, cursor=cursor)
        pages.append(page["sessions"])
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert [len(page) for page in pages] == [3, 3, 1]
    listed = [session for page in pages for session in page]
    assert [session["sessionId"] for session in listed] == ids[::-1]
    assert [session["title"] for session in listed] == [f"Question {number}" for number in range(7)][::-1]
    assert [session["status"] for session in listed] == [STOPPED] + [ACTIVE] * 6
    assert listed[3]["agent"] == "tessa"
    assert all(session["created"] <= session["updated"] for session in listed)
    assert set(listed[0]) >= {"sessionId", "title", "agent", "notebook", "created", "updated", "status"}


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 10**9}, {"cursor": "nonsense"}, {"cursor": 7}])
async def test_list_refused(client: Client, params: dict[str, object]) -> None:
    """A page of no size, or after a cursor that was never given out, is refused."""
    with pytest.raises(RpcError) as refused:
        await client.request("session.list", **params)
    assert refused.value.code == -32602


# --- session.history, session.clear ----------------------------------------------------------------------------------


async def test_history(client: Client) -> None:
    """History holds every message oldest first, by pages and by agent."""
    await client.start()
    one = await client.ask("One")
    two = await client.ask("@tessa Two")
    messages = await client.history()
    assert [(message["messageId"], message["role"], message["agent"]) for message in messages[1:]] == [
        (one.message_id, "user", "alice"),
        (one.message_id, "assistant", "alice"),
        (two.message_id, "user", "tessa"),
        (two.message_id, "assistant", "tessa"),
    ]
    assert messages[2]["content"] == one.text
    assert messages[2]["finishReason"] == "stop"
    assert all(message["ts"].endswith("Z") for message in messages)
    assert await client.history(agent="tessa") == messages[3:]
    pages, cursor = [], None
    while True:
        page = await client.request("session.history", sessionId=client.session_id, limit=2, cursor=cursor)
        pages += page["messages"]
        assert len(page["messages"]) <= 2
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert pages == messages


async def test_history_of_a_session_that_is_not_live(client: Client, connect: Connect) -> None:
    """A session's history can be read without resuming it, and is the same."""
    await client.start()
    await client.ask("One")
    before = await client.history()
    await client.request("stopSession", sessionId=client.session_id)
    other = await connect()
    other.session_id = client.session_id
    assert await other.history() == before


async def test_clear_one_agent(client: Client, provider: FakeProvider) -> None:
    """Clearing one agent's conversation leaves the other's, in the history and in what models are sent."""
    await client.start()
    await client.ask("To Alice")
    await client.ask("@tessa To Tessa")
    await client.request("session.clear", sessionId=client.session_id, agent="alice")
    assert {message["agent"] for message in await client.history()} == {"tessa"}
    await client.ask("Again to Alice")
    await client.ask("@tessa Again to Tessa")
    bodies = [str(request.json["messages"]) for request in provider.chats()]
    assert "To Alice" not in bodies[2].replace("Again to Alice", "")
    assert "To Tessa" in bodies[3]


async def test_clear_all(client: Client, provider: FakeProvider) -> None:
    """Clearing forgets every agent's conversation, and the session goes on."""
    await client.start()
    await client.ask("A secret")
    await client.request("session.clear", sessionId=client.session_id)
    assert await client.history() == []
    await client.ask("What did I say?")
    assert "A secret" not in str(provider.chats()[1].json)
    with pytest.raises(RpcError) as refused:
        await client.request("session.clear", sessionId=client.session_id, agent="nobody")
    assert refused.value.code == -32001


# --- sequence numbers ------------------------------------------------------------------------------------------------


async def test_numbers_have_no_gap(client: Client) -> None:
    """Numbers begin at 1 and rise by one through messages, switches, clears, stops and resumes."""
    await client.start()
    await client.ask("One")
    await client.request("session.switch_agent", agent_id="tessa")
    await client.ask("Two")
    await client.request("session.handoff", to_agent="alice")
    await client.request("session.set_model", sessionId=client.session_id, model="fault-cut")
    await client.ask("Three")
    await client.request("session.clear", sessionId=client.session_id)
    await client.request("stopSession", sessionId=client.session_id)
    stopped = await client.expect("SessionStatusNotification", status=STOPPED)
    await client.resume(client.session_id, stopped.seq)
    await client.request("session.set_model", sessionId=client.session_id, model="fake-model")
    await client.ask("Four")
    assert client.numbers() == [*range(1, len(client.events) + 1)]


async def test_two_connections_see_the_same(client: Client, connect: Connect) -> None:
    """What one connection asks, and what is answered, every connection of the session sees, in the same order."""
    other = await connect()
    await client.start()
    await other.resume(client.session_id, 0)
    await client.ask("From the first")
    answer = await other.ask("From the second")
    await client.answer(answer.message_id)
    await client.until(lambda: client.seen("session.usage", promptTokens=14))
    await other.until(lambda: other.seen("session.usage", promptTokens=14))
    assert client.events == other.events
    asked = client.seen("UserMessageNotification", message="From the second")[0]
    assert asked["clientId"] == other.started["clientId"] != client.started["clientId"]


async def test_unknown_session(client: Client) -> None:
    """Every method that names a session answers -32002 where there is none."""
    for method, params in (
        ("resumeSession", {"afterSeq": 0}),
        ("stopSession", {}),
        ("session.delete", {}),
        ("sendUserMessage", {"message": "Hello"}),
        ("session.cancel", {}),
        ("session.switch_agent", {"agent_id": "alice"}),
        ("session.current_agent", {}),
        ("session.handoff", {"to_agent": "alice"}),
        ("session.history", {}),
        ("session.clear", {}),
        ("session.set_model", {"model": "m"}),
    ):
        with pytest.raises(RpcError) as refused:
            await client.request(method, sessionId="no such session", **params)
        assert refused.value.code == -32002, method


async def test_session_is_missing(client: Client) -> None:
    """Where the session is left out and the connection has none, the request is refused by that parameter's name."""
    with pytest.raises(RpcError, match="sessionId") as refused:
        await client.request("session.switch_agent", agent_id="tessa")
    assert refused.value.code == -32602
