"""Two servers of one user share the store: one runs a session, the other follows it and takes over."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider, Reply, finish, text
from tests.server.client import Client, RpcError
from tests.server.conftest import Connect, Serve
from tests.server.process import Server

NOTEBOOK = "shared.ipynb"
TAKEN_OVER_WITHIN_S = 5.0
RESUME = 1012
STOPPED = 2


@pytest.fixture
def pair(serve: Serve, tmp_path: Path) -> tuple[Server, Server]:
    """Two servers with one store and one folder."""
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    return serve(STORE__URL=url, work=tmp_path / "work"), serve(STORE__URL=url, work=tmp_path / "work")


async def join(connect: Connect, server: Server) -> Client:
    """A client of the notebook's session, with everything that has happened in it."""
    client = await connect(server)
    started = await client.start(notebook=NOTEBOOK)
    if started["resumed"]:
        # What came since the start is in the replay again.
        client.events.clear()
        await client.resume(client.session_id, 0)
    return client


async def same_events(first: Client, second: Client) -> None:
    """Both have every event from the first on; the one that follows may be a moment behind."""
    await first.until(lambda: not open_turns(first))
    await second.wait_for(len(first.events))
    assert second.numbers() == first.numbers() == list(range(1, len(first.numbers()) + 1))


def open_turns(client: Client) -> bool:
    """Whether an answered turn's usage is still to come."""
    return client.events[-1].method == "AIMessageChunkNotification" and client.events[-1].get("usage") is not None


async def test_follow(pair: tuple[Server, Server], connect: Connect, provider: FakeProvider) -> None:
    """Who resumes on the other server is shown the same events as those where the turn runs."""
    first = await join(connect, pair[0])
    await first.request("session.set_model", sessionId=first.session_id, model="slow")
    message_id = await first.send("A long story")
    await first.text(message_id, "word3 ")
    second = await join(connect, pair[1])
    assert second.session_id == first.session_id
    await second.until(lambda: any(chunk["chunk"] == "word20 " for chunk in second.chunks(message_id)))
    assert await first.request("session.cancel", sessionId=first.session_id) == {"cancelled": True}
    mine, followed = await first.answer(message_id), await second.answer(message_id)
    assert followed.text == mine.text
    await same_events(first, second)
    assert len(provider.chats()) == 1


async def test_hand_over(pair: tuple[Server, Server], connect: Connect) -> None:
    """A message sent where the session does not run is answered there, and everybody sees it."""
    first = await join(connect, pair[0])
    await first.ask("One")
    second = await join(connect, pair[1])
    two = await second.ask("Two")
    assert (await first.answer(two.message_id)).text == two.text
    three = await first.ask("Three")
    assert (await second.answer(three.message_id)).text == three.text
    await same_events(first, second)


async def test_busy(pair: tuple[Server, Server], connect: Connect) -> None:
    """While a turn runs on one server the other takes no message, and says why."""
    first = await join(connect, pair[0])
    await first.request("session.set_model", sessionId=first.session_id, model="slow")
    await first.text(await first.send("A long story"), "word1 ")
    second = await join(connect, pair[1])
    with pytest.raises(RpcError) as refused:
        await second.send("And now?")
    assert refused.value.code == -32006
    assert "Another Jupyter server" in str(refused.value)


async def test_take_over(pair: tuple[Server, Server], connect: Connect) -> None:
    """A killed server's session is run by the other within five seconds; who followed there has to resume it."""
    first = await join(connect, pair[0])
    await first.request("session.set_model", sessionId=first.session_id, model="slow")
    message_id = await first.send("A long story")
    await first.text(message_id, "word25 ")
    second = await join(connect, pair[1])
    pair[0].kill()
    killed = time.monotonic()
    # No number may be left out on a connection, and those that the dead server may have used are.
    assert await second.closed() == RESUME
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S
    for client in (first, second):
        again = await connect(pair[1])
        resumed = await again.resume(first.session_id, client.events[-1].seq)
        assert resumed["resync"] is True
        cut = resumed["snapshot"]["messages"][-1]
        assert (cut["messageId"], cut["finishReason"]) == (message_id, "interrupted")
        assert cut["content"].startswith("word0 word1 ")
    await again.request("session.set_model", sessionId=again.session_id, model="fake-model")
    assert (await again.ask("Are you there?")).reason == "stop"


async def test_a_server_that_slept(pair: tuple[Server, Server], connect: Connect, provider: FakeProvider) -> None:
    """A server that was stopped so long that the other took over tells nothing more of its turn, and follows."""
    provider.script(Reply([*text("begun "), 30.0, *text("late"), *finish()]))
    first = await join(connect, pair[0])
    message_id = await first.send("A long story")
    await first.text(message_id, "begun ")
    second = await join(connect, pair[1])
    os.kill(pair[0].pid, signal.SIGSTOP)
    try:
        assert await second.closed() == RESUME
        second = await join(connect, pair[1])
        after = await second.ask("Do you go on?")
    finally:
        os.kill(pair[0].pid, signal.SIGCONT)
    assert await first.closed() == RESUME
    assert not any(chunk["isFinal"] for chunk in first.chunks(message_id))
    again = await connect(pair[0])
    resumed = await again.resume(first.session_id, first.events[-1].seq)
    assert resumed["resync"] is True
    messages = resumed["snapshot"]["messages"]
    assert [message["messageId"] for message in messages].count(message_id) == 2
    assert messages[-1]["content"] == after.text
    assert (await again.ask("And here?")).reason == "stop"


async def test_deleted_elsewhere(pair: tuple[Server, Server], connect: Connect) -> None:
    """A session that is deleted on one server is gone on the other, and who is connected there is told."""
    first = await join(connect, pair[0])
    await first.ask("One")
    second = await join(connect, pair[1])
    await second.request("session.delete", sessionId=second.session_id)
    await first.expect("SessionStatusNotification", status=STOPPED)
    for method in ("session.history", "session.clear"):
        with pytest.raises(RpcError) as refused:
            await first.request(method, sessionId=first.session_id)
        assert refused.value.code == -32002
