"""What is left when a server is killed, stopped or abandoned, and when its store fails."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.server.client import PATIENCE_S, Client, RpcError
from tests.server.conftest import Connect, Serve
from tests.server.hands import CALL, LAMP, RESOLVED, Json, asked, call, permit, provide, statuses
from tests.server.process import TOKEN, Server
from tests.server.test_security import fetch

ACTIVE, FAILED = 1, 3
INTERRUPTED = "The server stopped before this was over; whether it was done is not known."


async def health(server: Server) -> dict[str, object]:
    """The health page."""
    found: dict[str, object] = json.loads(
        (await fetch(server, "/whisperer/health", Authorization=f"token {TOKEN}")).body
    )
    return found


async def begin_a_slow_turn(client: Client, words: int) -> str:
    """A turn that goes on for a minute, after so many of its words have come."""
    await client.start(model="slow")
    message_id = await client.send("Go on for ever")
    await client.text(message_id, f"word{words} ")
    return message_id


# --- processes that end -----------------------------------------------------------------------------------------------


async def test_kill(serve: Serve, connect: Connect) -> None:
    """After kill -9 in mid-answer the conversation is there, the cut turn interrupted, and numbering goes on above."""
    server = serve()
    client = await connect(server)
    await client.start()
    first = await client.ask("One")
    await client.request("session.set_model", sessionId=client.session_id, model="slow")
    cut = await client.send("Two")
    # A checkpoint is due every second; a word comes every 50 ms.
    await client.text(cut, "word24 ")
    shown = "".join(chunk["chunk"] for chunk in client.chunks(cut))
    server.kill()
    server.start()

    other = await connect(server)
    resumed = await other.resume(client.session_id, client.events[-1].seq)
    assert resumed["resync"] is True
    messages = resumed["snapshot"]["messages"]
    assert [message["content"] for message in messages[1:4]] == ["One", first.text, "Two"]
    assert messages[4]["finishReason"] == "interrupted"
    assert messages[4]["content"].startswith("word0 ")
    assert shown.startswith(messages[4]["content"])
    assert resumed["seq"] > client.events[-1].seq
    await other.request("session.set_model", sessionId=client.session_id, model="fake-model")
    assert (await other.ask("Three")).text == "The fake provider heard: Three"
    assert other.numbers()[0] == resumed["seq"] + 1
    assert min(other.numbers()) > max(client.numbers())

    # From before the crash nothing can be replayed any more, from after it everything can.
    third = await connect(server)
    assert (await third.resume(client.session_id, 3))["resync"] is True
    assert "snapshot" not in await third.resume(client.session_id, resumed["seq"])


async def test_kill_loses_nothing_that_was_answered(serve: Serve, connect: Connect) -> None:
    """Every request that was answered before a kill -9 has its effect after it: messages, switches, models, stops."""
    server = serve()
    client = await connect(server)
    await client.start(model="slow", language="Esperanto")
    running, queued = await client.send("running"), await client.send("queued", clientMessageId="mine")
    await client.request("session.switch_agent", agent_id="tessa")
    await client.request("session.set_model", sessionId=client.session_id, model="another")
    server.kill()
    server.start()

    other = await connect(server)
    await other.resume(client.session_id, 0)
    assert await other.request("session.current_agent") == {"current_agent": "tessa"}
    ends = {
        message["messageId"]: message.get("finishReason")
        for message in await other.history()
        if message["role"] != "user"
    }
    assert ends[running] == ends[queued] == "interrupted"
    again = await other.request(
        "sendUserMessage", sessionId=client.session_id, message="queued", clientMessageId="mine"
    )
    assert (again["messageId"], again["queued"]) == (queued, 1)


async def test_kill_twice(serve: Serve, connect: Connect) -> None:
    """Numbers rise through one crash after the other, and none is used twice."""
    server = serve()
    numbers: list[int] = []
    session_id = ""
    for _ in range(3):
        client = await connect(server)
        if session_id:
            await client.resume(session_id, numbers[-1])
        else:
            session_id = (await client.start())["sessionId"]
        await client.ask("Hello")
        numbers += client.numbers()
        server.kill()
        server.start()
    assert numbers == sorted(set(numbers))


async def test_terminate(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """SIGTERM in mid-answer closes the socket with 1001; after a restart the turn is interrupted with all its text."""
    server = serve()
    client = await connect(server)
    cut = await begin_a_slow_turn(client, 3)
    server.terminate()
    assert await client.closed() == 1001
    shown = "".join(chunk["chunk"] for chunk in client.chunks(cut))
    assert provider.chats()[0].closed.is_set()
    server.start()

    other = await connect(server)
    resumed = await other.resume(client.session_id, client.events[-1].seq)
    assert "snapshot" not in resumed
    final = await other.expect("AIMessageChunkNotification", messageId=cut, isFinal=True)
    assert final["finishReason"] == "interrupted"
    assert other.numbers() == [*range(client.events[-1].seq + 1, resumed["seq"] + 1)]
    whole = shown + "".join(chunk["chunk"] for chunk in other.chunks(cut))
    assert (await other.history())[-1]["content"] == whole
    assert "Traceback" not in server.log


async def test_grace(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """The last connection gone, the session is dropped after the grace and its turn cancelled; it can be resumed."""
    server = serve(LIMITS__RESUME_GRACE_S="0.5")
    client = await connect(server)
    cut = await begin_a_slow_turn(client, 1)
    began = time.monotonic()
    await client.close()
    assert await asyncio.to_thread(provider.chats()[0].closed.wait, 3)
    assert time.monotonic() - began >= 0.5
    assert (await health(server))["sessions"] == 0
    other = await connect(server)
    resumed = await other.resume(client.session_id, client.events[-1].seq)
    assert (resumed["status"], "snapshot" in resumed) == (ACTIVE, False)
    final = await other.expect("AIMessageChunkNotification", messageId=cut, isFinal=True)
    assert final["finishReason"] == "cancelled"
    assert final.seq == resumed["seq"]


async def test_back_within_the_grace(serve: Serve, connect: Connect) -> None:
    """A client that comes back within the grace finds its turn running."""
    server = serve(LIMITS__RESUME_GRACE_S="1")
    client = await connect(server)
    message_id = await begin_a_slow_turn(client, 1)
    await client.close()
    other = await connect(server)
    await other.resume(client.session_id, client.events[-1].seq)
    # 40 words take two seconds: longer than the grace.
    await other.text(message_id, "word40 ")
    assert other.numbers()[0] == client.events[-1].seq + 1


async def test_a_kernels_connection_keeps_nothing_alive(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """A session that only a kernel's own connection looks at is dropped after the grace."""
    server = serve(LIMITS__RESUME_GRACE_S="0.3")
    client = await connect(server)
    await begin_a_slow_turn(client, 1)
    kernel = await connect(server, path="/whisperer/ws?client=kernel")
    await kernel.resume(client.session_id, 0)
    await client.close()
    assert await asyncio.to_thread(provider.chats()[0].closed.wait, 3)


# --- what was asked and being done when the server ended --------------------------------------------------------------


@pytest.mark.parametrize("end", ["kill", "terminate"])
@pytest.mark.parametrize("stage", ["asked", "running"])
async def test_open_call(serve: Serve, connect: Connect, provider: FakeProvider, end: str, stage: str) -> None:
    """A question is withdrawn and a call ends as interrupted, by nobody's decision, and the model learns of it."""
    server = serve()
    client = await connect(server)
    await client.start(clientTools=[LAMP])
    provider.script(
        Reply([*text("I will. "), *Reply.tools(("call-1", "set_lamp", {"room": "hall", "on": True})).steps])
    )
    message_id = await client.send("Light")
    request = await asked(client, message_id)
    if stage == "running":
        await permit(client, request, "allow_once")
        await call(client, message_id, "running")
    getattr(server, end)()
    server.start()

    back = await connect(server)
    resumed = await back.resume(client.session_id, client.events[-1].seq)
    assert resumed["pending"] == {"permissions": [], "toolCalls": []}
    assert await permit(back, request, "allow_once") == 1
    assert await provide(back, request, "late") == 1
    if end == "terminate":
        await back.answer(message_id)
        assert statuses(back, message_id) == ["error"]
        assert [event["by"] for event in back.seen(RESOLVED)] == (["disconnect"] if stage == "asked" else [])
    (told,) = [message["content"] for message in await back.history() if message["role"] == "tool"]
    assert told == INTERRUPTED
    assert [event["by"] for event in logged(server, client.session_id, RESOLVED)] == [
        "disconnect" if stage == "asked" else "user"
    ]
    assert [event["status"] for event in logged(server, client.session_id, CALL)][-1] == "error"

    await back.ask("And now?")
    roles = [(message["role"], message["content"]) for message in provider.chats()[-1].json["messages"][1:]]
    assert roles == [
        ("user", "Light"),
        ("assistant", "I will. "),
        ("tool", INTERRUPTED),
        ("assistant", "[no answer: the turn failed]"),
        ("user", "And now?"),
    ]


def logged(server: Server, session_id: str, method: str, **params: Any) -> list[Json]:
    """What the store holds of these events."""
    with closing(sqlite3.connect(server.store)) as connection:
        rows = connection.execute(
            "SELECT payload FROM events WHERE session_id = ? AND type = ? ORDER BY seq", (session_id, method)
        )
        events: list[Json] = [json.loads(payload) for (payload,) in rows]
    return [event for event in events if params.items() <= event.items()]


# --- a store that fails -----------------------------------------------------------------------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The store, locked by another process."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.slow
async def test_locked_store(serve: Serve, connect: Connect) -> None:
    """While another process locks the store a new message is refused, the running turn streams on, and all recovers."""
    server = serve()
    client = await connect(server)
    message_id = await begin_a_slow_turn(client, 1)
    with locked(server.store):
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(RpcError) as refused:
                await client.send("Refused")
            assert refused.value.code == -32007
            assert "locked" in refused.value.message
            assert time.monotonic() - began < 11
        other = await connect(server)
        waiting = other.ask_for("echo", message="quick")
        assert await asyncio.wait_for(waiting, 1) == "quick"
        before = len(client.chunks(message_id))
        await client.until(lambda: len(client.chunks(message_id)) > before + 5)
    await client.request("session.set_model", sessionId=client.session_id, model="fake-model")
    await client.request("session.cancel", sessionId=client.session_id)
    cut = await client.answer(message_id)
    assert (await client.ask("Taken again")).reason == "stop"
    assert client.numbers() == [*range(1, len(client.events) + 1)]
    server.kill()
    server.start()
    late = await connect(server)
    messages = (await late.resume(client.session_id, 0))["snapshot"]["messages"]
    assert [message["content"] for message in messages[1:]] == [
        "Go on for ever",
        cut.text,
        "Taken again",
        "The fake provider heard: Taken again",
    ]


async def test_message_that_waits_for_the_store(serve: Serve, connect: Connect) -> None:
    """A message that cannot be saved yet holds up no stream, and is taken as soon as the store can be written to."""
    server = serve()
    client = await connect(server)
    message_id = await begin_a_slow_turn(client, 1)
    with locked(server.store):
        sending = client.ask_for("sendUserMessage", sessionId=client.session_id, message="Waiting")
        before = len(client.chunks(message_id))
        await client.until(lambda: len(client.chunks(message_id)) > before + 10)
        assert not sending.done()
    assert (await asyncio.wait_for(sending, 15))["queued"] == 1
    await client.request("session.cancel", sessionId=client.session_id)
    assert (await client.answer(message_id)).reason == "cancelled"
    assert client.numbers() == [*range(1, len(client.events) + 1)]


@pytest.mark.slow
async def test_answer_that_ends_while_the_store_is_locked(
    serve: Serve, connect: Connect, provider: FakeProvider
) -> None:
    """An answer that cannot be saved is shown all the same, and saved as soon as it can be."""
    server = serve()
    client = await connect(server)
    gate = provider.gate()
    provider.script(Reply([*text("begun "), gate, *text("ended"), *finish(), DONE]))
    await client.start()
    message_id = await client.send("Hello")
    await client.text(message_id, "begun ")
    with locked(server.store):
        gate.open()
        answer = await client.answer(message_id)
        assert (answer.text, answer.reason) == ("begun ended", "stop")
    assert (await client.ask("Next")).reason == "stop"
    assert client.numbers() == [*range(1, len(client.events) + 1)]
    server.kill()
    server.start()
    other = await connect(server)
    messages = (await other.resume(client.session_id, 0))["snapshot"]["messages"]
    assert [message["content"] for message in messages[1:]] == [
        "Hello",
        "begun ended",
        "Next",
        "The fake provider heard: Next",
    ]


async def test_full_disk(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """While nothing can be written a message is refused and an answer is shown all the same; then all recovers."""
    server = serve()
    client = await connect(server)
    gate = provider.gate()
    provider.script(Reply([*text("begun "), gate, *text("ended"), *finish(), DONE]))
    await client.start()
    message_id = await client.send("Hello")
    await client.text(message_id, "begun ")
    # As good as a full disk to whoever writes: no file of the server's may grow.
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
    with pytest.raises(RpcError) as refused:
        await client.send("Refused")
    assert refused.value.code == -32007
    gate.open()
    assert (await client.answer(message_id)).text == "begun ended"
    assert (await client.history())[-1]["content"] == "begun ended"
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert (await client.ask("Next")).reason == "stop"
    assert client.numbers() == [*range(1, len(client.events) + 1)]
    server.kill()
    server.start()
    other = await connect(server)
    messages = (await other.resume(client.session_id, 0))["snapshot"]["messages"]
    assert "begun ended" in [message["content"] for message in messages]


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """As good as a full disk to whoever writes: no file of the server's may grow."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
    yield
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


async def test_question_while_nothing_can_be_saved(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """A call waits for the store: nothing of it is told before it is saved, nothing is lost, and all recovers."""
    server = serve()
    client = await connect(server)
    gate = provider.gate()
    wish = Reply.tools(("call-1", "set_lamp", {"room": "hall", "on": True}))
    provider.script(Reply([*text("begun "), gate, *wish.steps]), Reply.answer("It is on."))
    await client.start(clientTools=[LAMP])
    message_id = await client.send("Light")
    await client.text(message_id, "begun ")

    def told() -> list[int]:
        return [event["status"] for event in client.seen("SessionStatusNotification")]

    with full_disk(server):
        gate.open()
        failed = await client.expect("SessionStatusNotification", status=FAILED)
        assert "store" in failed["reason"]
        assert client.seen(CALL) == []
    request = await asked(client, message_id)
    assert await permit(client, request, "allow_once") == 0
    running = await call(client, message_id, "running")
    with full_disk(server):
        await provide(client, running, "lit")
        await client.until(lambda: told().count(FAILED) == 2)
    answer = await client.answer(message_id)
    assert (answer.text, answer.reason) == ("begun It is on.", "stop")
    assert statuses(client, message_id) == ["pending", "waiting_permission", "running", "done"]
    await client.until(
        lambda: [event["status"] for event in client.seen("SessionStatusNotification")] == [1, 3, 1, 3, 1]
    )
    assert client.numbers() == [*range(1, len(client.events) + 1)]
    assert [event["status"] for event in logged(server, client.session_id, CALL)] == statuses(client, message_id)
    assert (await (await connect(server)).resume(client.session_id, 0))["status"] == ACTIVE


async def test_stopped_while_nothing_can_be_saved(serve: Serve, connect: Connect, provider: FakeProvider) -> None:
    """A turn whose call waits for the store can be stopped all the same."""
    server = serve()
    client = await connect(server)
    provider.script(Reply.tools(("call-1", "set_lamp", {"room": "hall", "on": True})))
    await client.start(clientTools=[LAMP], mode="auto")
    message_id = await client.send("Light")
    running = await call(client, message_id, "running")
    with full_disk(server):
        await provide(client, running, "lit")
        await client.expect("SessionStatusNotification", status=FAILED)
        assert (await client.request("session.cancel", sessionId=client.session_id))["cancelled"]
        assert (await client.answer(message_id)).reason == "cancelled"
    assert (await client.ask("Next")).reason == "stop"


async def test_what_could_not_be_saved_is_saved_by_itself(
    serve: Serve, connect: Connect, provider: FakeProvider
) -> None:
    """An answer that came while nothing could be saved is saved when it can be, though nobody asks for anything."""
    server = serve()
    client = await connect(server)
    gate = provider.gate()
    provider.script(Reply([*text("begun "), gate, *text("ended"), *finish(), DONE]))
    await client.start()
    message_id = await client.send("Hello")
    await client.text(message_id, "begun ")
    with full_disk(server):
        gate.open()
        await client.answer(message_id)
        # Until also the checkpoint that is due after a second has failed.
        await asyncio.sleep(2)
    deadline = time.monotonic() + PATIENCE_S
    while not logged(server, client.session_id, "AIMessageChunkNotification", messageId=message_id, isFinal=True):
        assert time.monotonic() < deadline, "not saved"
        await asyncio.sleep(0.05)
    server.kill()
    server.start()
    other = await connect(server)
    messages = (await other.resume(client.session_id, 0))["snapshot"]["messages"]
    assert messages[-1]["content"] == "begun ended"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param("no folder", "cannot be made", id="cannot be opened"),
        pytest.param("a folder", "cannot be opened", id="a folder where the file should be"),
        pytest.param("garbage", "damaged", id="no database"),
        pytest.param("newer", "newer", id="of a newer Whisperer"),
    ],
)
async def test_unusable_store(serve: Serve, connect: Connect, tmp_path: Path, damage: str, words: str) -> None:
    """A store that cannot be used is said so, in the health page and to every request that needs it; nothing hangs."""
    path = tmp_path / "sessions.db"
    if damage == "no folder":
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "sessions.db"
    elif damage == "a folder":
        path.mkdir()
    elif damage == "garbage":
        path.write_bytes(b"this is not a database" * 1_000)
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 999")
    server = serve(STORE__URL=f"sqlite:///{path}")
    client = await connect(server)
    for method in ("startSession", "session.list"):
        with pytest.raises(RpcError) as refused:
            await client.request(method)
        assert refused.value.code == -32007
        assert words in refused.value.message
    problem = await health(server)
    assert problem["status"] == "error"
    assert words in str(problem["problem"])
    assert await client.request("echo", message="still serving") == "still serving"
    assert (await fetch(server, "/api/status", Authorization=f"token {TOKEN}")).code == 200


async def test_damaged_log(serve: Serve, connect: Connect) -> None:
    """A log with a row that nobody can read is an error of that session alone."""
    server = serve()
    client = await connect(server)
    await client.start()
    await client.ask("Hello")
    damaged = client.session_id
    await client.start()
    await client.ask("Hello")
    server.terminate()
    with closing(sqlite3.connect(server.store)) as connection, connection:
        connection.execute("UPDATE events SET payload = x'7b' WHERE session_id = ? AND seq = 3", (damaged,))
    server.start()
    other = await connect(server)
    with pytest.raises(RpcError) as refused:
        await other.resume(damaged, 0)
    assert refused.value.code == -32007
    await other.resume(client.session_id, 0)
    assert (await other.ask("Next")).reason == "stop"


async def test_numbers_across_everything(serve: Serve, connect: Connect) -> None:
    """Through stops, restarts and reconnects a client that resumes at its last number sees every number once."""
    server = serve(LIMITS__RESUME_GRACE_S="0.1")
    numbers: list[int] = []
    session_id = ""
    for round_number in range(4):
        client = await connect(server)
        if session_id:
            await client.resume(session_id, numbers[-1])
        else:
            session_id = (await client.start())["sessionId"]
        await client.ask(f"Message {round_number}")
        if round_number == 1:
            server.terminate()
            await client.closed()
            server.start()
        elif round_number == 2:
            await client.request("stopSession", sessionId=session_id)
        await client.close()
        numbers += client.numbers()
    assert all(after == before + 1 for before, after in pairwise(numbers))
