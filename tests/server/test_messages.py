"""Messages and their turns, the agents that answer them, and the models that are asked."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from uuid import uuid4

import pytest

from tests.fakes.provider import DONE, FakeProvider, Reply, finish, text
from tests.server.client import Client, RpcError
from tests.server.conftest import Connect, Serve

# --- sendUserMessage -------------------------------------------------------------------------------------------------


async def test_message(client: Client) -> None:
    """A message is answered at once, shown to everybody, and its turn ends in one final event that counts."""
    await client.start()
    sent = await client.request("sendUserMessage", sessionId=client.session_id, message="Hello")
    assert (sent["status"], sent["queued"]) == (0, 0)
    answer = await client.answer(sent["messageId"])
    assert answer.text == "The fake provider heard: Hello"
    assert answer.reason == "stop"
    assert answer.final["usage"]["promptTokens"] == 7
    assert answer.final["usage"]["completionTokens"] == 5
    shown = client.seen("UserMessageNotification")[0]
    assert shown["messageId"] == answer.message_id
    assert (shown["message"], shown["agent"]) == ("Hello", "alice")
    assert shown["clientId"] == client.started["clientId"]
    assert shown.seq < answer.chunks[0].seq
    usage = await client.expect("session.usage")
    assert (usage["promptTokens"], usage["completionTokens"]) == (7, 5)


async def test_queue(client: Client, provider: FakeProvider) -> None:
    """Messages sent while a turn runs are shown at once, counted, and answered in the order in which they were sent."""
    gate = provider.gate()
    provider.script(Reply([*text("first"), gate, *finish(), DONE]))
    await client.start()
    ids = []
    for number in range(4):
        sent = await client.request("sendUserMessage", sessionId=client.session_id, message=f"Message {number}")
        assert sent["queued"] == number
        ids.append(sent["messageId"])
    await client.until(lambda: len(client.seen("UserMessageNotification")) == 4)
    assert len(provider.wait_for_chats(1)) == 1
    gate.open()
    answers = [await client.answer(message_id) for message_id in ids]
    assert [answer.text for answer in answers[1:]] == [f"The fake provider heard: Message {n}" for n in (1, 2, 3)]
    assert all(one.final.seq < two.chunks[0].seq for one, two in pairwise(answers))


async def test_queue_full(connect: Connect, serve: Serve) -> None:
    """A message beyond ``limits.max_queue`` is refused, and those before it are kept."""
    client = await connect(serve(LIMITS__MAX_QUEUE="2"))
    await client.start(model="slow")
    running = await client.send("running")
    await client.text(running, "word0 ")
    waiting = [await client.send("waiting") for _ in range(2)]
    with pytest.raises(RpcError) as refused:
        await client.send("too many")
    assert refused.value.code == -32003
    assert len(client.seen("UserMessageNotification")) == 3
    await client.request("session.cancel", sessionId=client.session_id, messageId=waiting[0])
    assert await client.send("room again")


@pytest.mark.parametrize("message", ["", "   \n\t "])
async def test_empty_message(client: Client, message: str) -> None:
    """A message without a word is refused and shown to nobody."""
    await client.start()
    with pytest.raises(RpcError, match="message") as refused:
        await client.send(message)
    assert refused.value.code == -32602
    assert not client.seen("UserMessageNotification")


async def test_repeated_message(client: Client, connect: Connect, provider: FakeProvider) -> None:
    """A message sent again under its ``clientMessageId`` gets the first result and no second turn."""
    await client.start()
    mine = uuid4().hex
    params = {"sessionId": client.session_id, "message": "Once", "clientMessageId": mine}
    at_once = await asyncio.gather(*(client.ask_for("sendUserMessage", **params) for _ in range(5)))
    assert len({sent["messageId"] for sent in at_once}) == 1
    await client.answer(at_once[0]["messageId"])
    later = await client.request("sendUserMessage", **params)
    await client.close()
    other = await connect()
    await other.resume(client.session_id, 0)
    after_reconnect = await other.request("sendUserMessage", **params)
    assert later == after_reconnect == at_once[0]
    assert (await other.ask("Next")).text == "The fake provider heard: Next"
    assert len(provider.chats()) == 2
    assert len(other.seen("UserMessageNotification", message="Once")) == 1


async def test_repeated_message_in_the_queue(client: Client) -> None:
    """The first result of a repeated message is given as it was, also where it waited."""
    await client.start(model="slow")
    running = await client.send("running")
    await client.text(running, "word0 ")
    params = {"sessionId": client.session_id, "message": "waiting", "clientMessageId": uuid4().hex}
    first = await client.request("sendUserMessage", **params)
    assert first["queued"] == 1
    assert await client.request("sendUserMessage", **params) == first
    await client.request("stopSession", sessionId=client.session_id)


async def test_context_of_a_message(client: Client, connect: Connect, provider: FakeProvider) -> None:
    """What comes with a message reaches the model and is shown to every connection."""
    await client.start()
    item = {"type": "text", "text": "df has 17 rows"}
    await client.ask("How many?", context=[item])
    assert "df has 17 rows" in provider.chats()[0].json["messages"][-1]["content"]
    assert client.seen("UserMessageNotification")[0]["context"] == [item]
    other = await connect()
    await other.resume(client.session_id, 0)
    assert (await other.expect("UserMessageNotification"))["context"] == [item]
    with pytest.raises(RpcError) as refused:
        await client.send("Hello", context=[{"type": "no such item"}])
    assert refused.value.code == -32602


async def test_second_message_carries_the_first(client: Client, provider: FakeProvider) -> None:
    """The agent remembers what was said."""
    await client.start()
    first = await client.ask("My name is Ada.")
    await client.ask("What is my name?")
    sent = [(message["role"], message["content"]) for message in provider.chats()[1].json["messages"]]
    assert sent[1:] == [("user", "My name is Ada."), ("assistant", first.text), ("user", "What is my name?")]


async def test_words_of_every_kind(client: Client, provider: FakeProvider) -> None:
    """Text of any script comes back as it was sent, and what no JSON can carry harms nothing."""
    await client.start()
    odd = "Grüße 日本 😀 \u2028 \u202e \x00 \x85 </script>"
    assert (await client.ask(odd)).text == f"The fake provider heard: {odd}"
    assert (await client.ask("half a \ud83d pair")).reason == "stop"
    assert provider.chats()[0].json["messages"][-1]["content"] == odd


# --- session.cancel --------------------------------------------------------------------------------------------------


async def test_cancel(client: Client, provider: FakeProvider) -> None:
    """Stop ends the turn as cancelled, keeps its text, and closes the provider's connection within a second."""
    await client.start(model="slow")
    message_id = await client.send("Go on for ever")
    await client.text(message_id, "word1 ")
    assert await client.request("session.cancel", sessionId=client.session_id) == {"cancelled": True}
    assert await asyncio.to_thread(provider.chats()[0].closed.wait, 1)
    answer = await client.answer(message_id)
    assert answer.reason == "cancelled"
    assert answer.text.startswith("word0 word1 ")
    assert (await client.history())[-1]["content"] == answer.text


async def test_cancel_before_the_first_word(client: Client, provider: FakeProvider) -> None:
    """A turn that waits for its first word is stopped in the same way."""
    await client.start(model="fault-no-headers")
    message_id = await client.send("Hello")
    assert await asyncio.to_thread(provider.wait_for_chats, 1)
    assert await client.request("session.cancel", sessionId=client.session_id, messageId=message_id) == {
        "cancelled": True
    }
    assert await asyncio.to_thread(provider.chats()[0].closed.wait, 1)
    answer = await client.answer(message_id)
    assert (answer.reason, answer.text) == ("cancelled", "")


async def test_cancel_a_queued_message(client: Client, provider: FakeProvider) -> None:
    """A queued message is taken back: its turn ends as cancelled without a request, the running one goes on."""
    gate = provider.gate()
    provider.script(Reply([*text("first"), gate, *finish(), DONE]))
    await client.start()
    running, queued, last = [await client.send(message) for message in ("one", "two", "three")]
    assert await client.request("session.cancel", sessionId=client.session_id, messageId=queued) == {"cancelled": True}
    answer = await client.answer(queued)
    assert (answer.reason, answer.text) == ("cancelled", "")
    gate.open()
    assert (await client.answer(running)).reason == "stop"
    assert (await client.answer(last)).reason == "stop"
    assert len(provider.chats()) == 2


async def test_cancel_late_or_twice(client: Client) -> None:
    """A cancel that comes late, twice or for a message that never was changes nothing and is no error."""
    await client.start(model="slow")
    message_id = await client.send("Hello")
    await client.text(message_id, "word0 ")
    answers = await asyncio.gather(
        *(client.ask_for("session.cancel", sessionId=client.session_id, messageId=message_id) for _ in range(3))
    )
    assert sorted(answer["cancelled"] for answer in answers) == [False, False, True]
    await client.answer(message_id)
    for late in ({}, {"messageId": message_id}, {"messageId": "never"}):
        assert await client.request("session.cancel", sessionId=client.session_id, **late) == {"cancelled": False}
    assert len(client.seen("AIMessageChunkNotification", messageId=message_id, isFinal=True)) == 1


async def test_message_after_a_cancel(client: Client, provider: FakeProvider) -> None:
    """After a stop the conversation goes on, and the model is told what it had said so far."""
    await client.start(model="slow")
    message_id = await client.send("Go on for ever")
    await client.text(message_id, "word0 ")
    await client.request("session.cancel", sessionId=client.session_id)
    await client.answer(message_id)
    await client.request("session.set_model", sessionId=client.session_id, model="fake-model")
    assert (await client.ask("Thanks")).text == "The fake provider heard: Thanks"
    assert provider.chats()[1].json["messages"][2]["content"].startswith("word0 ")


# --- agents ----------------------------------------------------------------------------------------------------------


async def test_agent_list(client: Client) -> None:
    """The three agents are described as agents.yaml has them."""
    agents = (await client.request("agent.list"))["agents"]
    assert [agent["agent_id"] for agent in agents] == ["alice", "patricia", "tessa"]
    assert [agent["name"] for agent in agents] == ["Alice", "Patricia", "Tessa"]
    for agent in agents:
        assert set(agent) >= {"agent_id", "name", "role", "description", "color", "icon", "shortcut", "tools"}


async def test_switch(client: Client) -> None:
    """A switch tells every connection, and the agent introduces herself the first time alone."""
    await client.start()
    for agent in ("tessa", "alice", "tessa"):
        switched = await client.request("session.switch_agent", agent_id=agent, sessionId=client.session_id)
        assert switched == {"success": True, "current_agent": agent}
        assert await client.request("session.current_agent") == {"current_agent": agent}
    await client.until(lambda: len(client.seen("agent.switched")) == 3)
    first = client.seen("agent.switched")[0]
    assert (first["from"], first["to"], first["by"]) == ("alice", "tessa", "user")
    said = [event["agent"] for event in client.seen("AIMessageChunkNotification", isFinal=True)]
    assert said == ["alice", "tessa"]
    assert (await client.ask("Hello")).agent == "tessa"


async def test_switch_to_nobody(client: Client) -> None:
    """An agent that there is not is -32001, and the current one stays."""
    await client.start()
    for method, name in (("session.switch_agent", "agent_id"), ("session.handoff", "to_agent")):
        with pytest.raises(RpcError) as refused:
            await client.request(method, **{name: "nobody"})
        assert refused.value.code == -32001
    assert await client.request("session.current_agent") == {"current_agent": "alice"}


async def test_switch_while_a_turn_runs(client: Client, provider: FakeProvider) -> None:
    """A turn ends with the agent that began it; a message sent after the switch is the new agent's."""
    gate = provider.gate()
    provider.script(Reply([*text("begun "), gate, *text("ended"), *finish(), DONE]))
    await client.start()
    running = await client.send("To Alice")
    await client.text(running, "begun ")
    queued = await client.send("To Alice too")
    await client.request("session.switch_agent", agent_id="tessa")
    await client.expect("agent.switched", to="tessa")
    later = await client.send("To Tessa")
    gate.open()
    answers = [await client.answer(message_id) for message_id in (running, queued, later)]
    assert [answer.agent for answer in answers] == ["alice", "alice", "tessa"]
    assert all({chunk["agent"] for chunk in answer.chunks} == {answer.agent} for answer in answers)
    assert answers[0].text == "begun ended"


async def test_agents_have_contexts_of_their_own(client: Client, provider: FakeProvider) -> None:
    """Tessa's request holds nothing of Alice's conversation, and coming back Alice remembers hers."""
    await client.start()
    await client.ask("Alice, the word is xylophone.")
    await client.request("session.switch_agent", agent_id="tessa")
    await client.ask("Tessa, what is the word?")
    await client.request("session.switch_agent", agent_id="alice")
    await client.ask("And now?")
    to_alice, to_tessa, back = [request.json["messages"] for request in provider.chats()]
    assert "xylophone" not in str(to_tessa)
    assert "xylophone" in str(back)
    assert "Tessa, what is the word?" not in str(back)
    assert to_alice[0] != to_tessa[0]


async def test_addressed_message(client: Client, provider: FakeProvider) -> None:
    """``@tessa`` at the start of a message sends that message alone to Tessa."""
    await client.start()
    answer = await client.ask("@tessa Test this")
    assert answer.agent == "tessa"
    assert provider.chats()[0].json["messages"][-1]["content"] == "Test this"
    assert await client.request("session.current_agent") == {"current_agent": "alice"}
    assert (await client.ask("And you?")).agent == "alice"


async def test_handoff(client: Client, connect: Connect, provider: FakeProvider) -> None:
    """A handoff switches, and its note reaches the new agent's request, once."""
    await client.start()
    await client.ask("Hello")
    handed = await client.request("session.handoff", to_agent="tessa", note="The function is called area.")
    assert handed == {"success": True, "from_agent": "alice", "to_agent": "tessa"}
    switched = await client.expect("agent.switched", to="tessa")
    assert switched["by"] == "handoff"
    other = await connect()
    await other.resume(client.session_id, 0)
    await other.ask("Go")
    assert "The function is called area." in str(provider.chats()[1].json["messages"])


async def test_handoff_without_a_note(client: Client, provider: FakeProvider) -> None:
    """Without a note the new agent is told what the old one was last asked."""
    await client.start()
    await client.ask("Explain the area function.")
    await client.request("session.handoff", to_agent="tessa")
    await client.ask("Go")
    assert "Explain the area function." in str(provider.chats()[1].json["messages"])


async def test_default_session(client: Client) -> None:
    """Where the session is left out, the one that this connection last started or resumed is meant."""
    first = (await client.start())["sessionId"]
    await client.start()
    await client.request("session.switch_agent", agent_id="tessa")
    assert await client.request("session.current_agent", sessionId=first) == {"current_agent": "alice"}
    await client.resume(first, 0)
    assert await client.request("session.current_agent") == {"current_agent": "alice"}


# --- models, echo ----------------------------------------------------------------------------------------------------


async def test_model_list(client: Client) -> None:
    """The provider's models are listed with what it says of them, and the one that is asked."""
    listed = await client.request("model.list")
    assert listed["models"] == [{"id": "fake-model", "contextLength": 8192}]
    assert listed["current"] == "fake-model"


async def test_model_list_of_a_provider_that_fails(client: Client, provider: FakeProvider) -> None:
    """Where the provider cannot be asked the request fails as -32005, in words and without a key."""
    provider.models_reply = Reply.error(401, "bad key sk-or-test-key-0123456789")
    try:
        with pytest.raises(RpcError) as refused:
            await client.request("model.list")
    finally:
        provider.models_reply = None
    assert refused.value.code == -32005
    assert refused.value.data["kind"] == "auth"
    assert "sk-or-test-key" not in str(refused.value) + str(refused.value.data)


async def test_set_model(client: Client, connect: Connect, provider: FakeProvider) -> None:
    """The model that was set is asked from the next turn on, also by who resumes the session."""
    await client.start()
    assert await client.request("session.set_model", sessionId=client.session_id, model="other") == {"model": "other"}
    await client.ask("Hello")
    other = await connect()
    await other.resume(client.session_id, 0)
    await other.ask("Hello")
    assert [request.json["model"] for request in provider.chats()] == ["other", "other"]
    with pytest.raises(RpcError) as refused:
        await client.request("session.set_model", sessionId=client.session_id, model="")
    assert refused.value.code == -32602


async def test_echo(client: Client) -> None:
    """What is sent comes back, the empty text too."""
    for message in ("hello", "", "日本😀\u2028", "x" * 100_000):
        assert await client.request("echo", message=message) == message
