"""However much a client asks for or a model answers, it is bounded, and everybody else is answered meanwhile."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.fakes.provider import DONE, FakeProvider, Gate, Reply, finish
from tests.fakes.reply import chunk, joined
from tests.server.client import Client, Event, RpcError
from tests.server.conftest import Connect, Serve
from tests.server.hands import LOOK, call, provide
from tests.server.test_slow_clients import OpenRaw, raw

__all__ = ["raw"]

CHUNKS = 2_500


def many_events(*, gate: Gate | None = None) -> Reply:
    """A reply of so many chunks that share no notification, as text and reasoning take turns."""
    deltas = [{"content": f"word{n} "} if n % 2 else {"reasoning": "hm"} for n in range(CHUNKS)]
    steps = [chunk(**delta) for delta in deltas]
    return Reply([joined(steps), *([gate] if gate else []), joined(steps), *finish(), DONE])


async def until_last(client: Client, method: str = "session.usage", **params: str) -> None:
    """Wait until the event that came last is this one; a turn's last one is its usage."""
    await client.until(lambda: _is(client.events[-1:], method, params), 60)


def _is(last: list[Event], method: str, params: dict[str, str]) -> bool:
    return any(event.method == method and params.items() <= event.params.items() for event in last)


@pytest.fixture
async def long_session(client: Client, provider: FakeProvider) -> tuple[str, int]:
    """A session with a long log, and the number of its last event."""
    provider.script(many_events())
    await client.start(new=True)
    await client.send("Go on and on")
    await until_last(client)
    return client.session_id, client.events[-1].seq


# --- replay -----------------------------------------------------------------------------------------------------------


async def test_others_are_answered_during_a_replay(
    connect: Connect, client: Client, long_session: tuple[str, int]
) -> None:
    """While long sessions are resumed, others are answered after every small part of the replays."""
    session_id, last = long_session
    readers = [await connect() for _ in range(3)]
    for reader in readers:
        await reader.request("resumeSession", sessionId=session_id, afterSeq=0)
    replayed = [0]
    while replayed[-1] < len(readers) * last:
        await client.request("echo", message="meanwhile")
        replayed.append(sum(len(reader.events) for reader in readers))
    assert max(after - before for before, after in pairwise(replayed)) < last // 2
    assert all(reader.numbers() == list(range(1, last + 1)) for reader in readers)


async def test_who_is_replayed_to_is_answered(connect: Connect, long_session: tuple[str, int]) -> None:
    """The answer to a request does not wait for the end of a replay on the same connection."""
    session_id, last = long_session
    reader = await connect()
    await reader.request("resumeSession", sessionId=session_id, afterSeq=0)
    await reader.wait_for(1)
    assert await reader.request("echo", message="quick") == "quick"
    assert reader.events[-1].seq < last
    await reader.wait_for(last)
    assert reader.numbers() == list(range(1, last + 1))


async def test_what_happens_during_a_replay_follows_it(
    connect: Connect, client: Client, provider: FakeProvider
) -> None:
    """Resumed in mid-turn at any point, once or again, a client gets every event once and in order."""
    gate = provider.gate()
    provider.script(many_events(gate=gate))
    await client.start(new=True)
    await client.send("Go on and on")
    await until_last(client, "AIMessageChunkNotification", chunk=f"word{CHUNKS - 1} ")
    readers = [await connect() for _ in range(3)]
    for number, reader in enumerate(readers):
        await reader.resume(client.session_id, number * 1_000)
    gate.open()
    again = len(readers[0].events)
    await readers[0].resume(client.session_id, 10)
    for one in (client, *readers):
        await until_last(one)
    last = client.events[-1].seq
    assert readers[1].numbers() == list(range(1_001, last + 1))
    assert readers[2].numbers() == list(range(2_001, last + 1))
    numbers = readers[0].numbers()
    again = numbers.index(11, again)
    assert numbers[:again] == list(range(1, again + 1))
    assert numbers[again:] == list(range(11, last + 1))


async def test_slow_reader_of_a_replay(serve: Serve, connect: Connect, raw: OpenRaw, provider: FakeProvider) -> None:
    """Who reads a replay slowly is not taken for one who does not read, however long the replay is."""
    first = serve()
    client = await connect(first)
    provider.script(many_events())
    await client.start()
    await client.send("Go on and on")
    await until_last(client)
    first.terminate()
    slow = await raw(serve(folder=first.folder, LIMITS__MAX_CLIENT_BACKLOG_BYTES="20000"))
    await slow.request("resumeSession", sessionId=client.session_id, afterSeq=0)
    assert (await slow.text())["result"]["seq"] == client.events[-1].seq
    numbers = [(await slow.text())["params"]["seq"] for _ in range(len(client.events))]
    assert numbers == client.numbers()


# --- what is sent and what is answered -------------------------------------------------------------------------------


async def test_more_context_than_anybody_attaches(client: Client, provider: FakeProvider) -> None:
    """A message with hundreds of context items is refused, and the session goes on."""
    await client.start(new=True)
    items = [{"type": "file", "path": f"{number}.txt"} for number in range(25_000)]
    with pytest.raises(RpcError) as refused:
        await client.send("Look", context=items)
    assert refused.value.code == -32602
    assert "length <= 200 - at `$.context`" in refused.value.message
    assert (await client.ask("Without")).reason == "stop"
    assert len(provider.chats()) == 1


@pytest.fixture
async def tooled(client: Client, provider: FakeProvider) -> Client:  # noqa: ARG001 - a clean provider
    """A client with a tool of its own, which needs no yes."""
    await client.start(new=True, clientTools=[LOOK], mode="auto")
    return client


def tool_results(provider: FakeProvider) -> list[str]:
    """What the model was told of its calls."""
    return [message["content"] for message in provider.chats()[-1].json["messages"] if message["role"] == "tool"]


async def test_call_larger_than_the_models_context(tooled: Client, provider: FakeProvider) -> None:
    """A call of a megabyte is carried out, and shown to the model again without its middle, in later turns too."""
    text = "one word after the other " * 40_000
    provider.script(Reply.tools(("call-1", "look", {"at": text})), Reply.answer("Seen."))
    message_id = await tooled.send("Look")
    running = await call(tooled, message_id, "running")
    assert running["arguments"] == {"at": text}
    await provide(tooled, running, "It is long.")
    answer = await tooled.answer(message_id)
    assert (answer.text, answer.reason) == ("Seen.", "stop")
    assert tool_results(provider) == ["It is long."]
    for _ in range(2):
        (wish,) = [call for message in provider.chats()[-1].json["messages"] for call in message.get("tool_calls", ())]
        again = json.loads(wish["function"]["arguments"])
        assert "characters left out" in again["shortened"]
        assert len(provider.chats()[-1].body) < 60_000
        assert (await tooled.ask("And now?")).reason == "stop"


async def test_refused_plan_larger_than_the_models_context(client: Client, provider: FakeProvider) -> None:
    """A plan of ten thousand steps is refused in a few words that reach the model."""
    steps = [
        {"title": f"s{n}", "what": "w", "check": "x", "depends_on": [f"s{(n + 1) % 10_000}"]} for n in range(10_000)
    ]
    endless = {"title": "Endless", "goal": "None.", "steps": steps}
    provider.script(Reply.tools(("call-1", "make_plan", endless)), Reply.answer("Too long."))
    await client.start(new=True, agent="patricia")
    answer = await client.ask("Plan it")
    assert (answer.text, answer.reason) == ("Too long.", "stop")
    assert tool_results(provider) == ["No plan was made:\n- there are 10,000 steps; a plan has between 1 and 20"]


async def test_name_that_never_ends(tooled: Client, provider: FakeProvider) -> None:
    """A call of a tool with a name of a hundred kilobytes is an error that the model can read."""
    provider.script(Reply.tools(("call-1", "x" * 100_000, {})), Reply.answer("No."))
    assert (await tooled.ask("Look")).reason == "stop"
    (told,) = tool_results(provider)
    assert told.startswith("There is no tool named xxx")
    assert len(provider.chats()[-1].body) < 60_000


async def test_many_calls_at_once(tooled: Client, provider: FakeProvider) -> None:
    """A hundred calls in one reply, with results that together are too long, are all answered."""
    names = [f"tool_{number}" for number in range(100)]
    provider.script(Reply.tools(*((name, name, {"x": "y" * 100}) for name in names)), Reply.answer("Done."))
    assert (await tooled.ask("All of them")).reason == "stop"
    assert len(tool_results(provider)) == len(names)


async def test_calls_that_share_an_id(tooled: Client, provider: FakeProvider) -> None:
    """Every one of many calls under one id is carried out, and answered under an id of its own."""
    provider.script(
        Reply.tools(*(("same", "list_files", {"path": f"folder-{n}"}) for n in range(20))), Reply.answer("Done.")
    )
    assert (await tooled.ask("List all")).reason == "stop"
    assert all(f"folder-{n}" in told for n, told in enumerate(tool_results(provider)))
    asked, *results = provider.chats()[-1].json["messages"][-21:]
    ids = [wish["id"] for wish in asked["tool_calls"]]
    assert [result["tool_call_id"] for result in results] == ids
    assert len({*ids}) == 20
