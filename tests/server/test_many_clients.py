"""Several clients of one session that get in each other's way."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.provider import FakeProvider
from tests.server.client import RpcError
from tests.server.conftest import Connect, Serve


@pytest.mark.parametrize("method", ["stopSession", "session.delete"])
async def test_end_while_messages_arrive(connect: Connect, provider: FakeProvider, method: str) -> None:  # noqa: ARG001
    """A session is stopped or deleted also while another client goes on sending to it."""
    first, second = await connect(), await connect()
    await first.start(model="slow")
    await second.resume(first.session_id, 0)
    await first.text(await first.send("Go on for ever"), "word1 ")
    sending = [second.ask_for("sendUserMessage", sessionId=first.session_id, message=f"{n}") for n in range(5)]
    ended = await asyncio.wait_for(first.request(method, sessionId=first.session_id), 5)
    assert ended["status"] in {0, 2}
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert all(isinstance(outcome, dict | RpcError) for outcome in outcomes)
    taken = [outcome["messageId"] for outcome in outcomes if isinstance(outcome, dict)]
    for message_id in taken:
        assert (await second.answer(message_id)).reason == "cancelled"


async def test_who_stays_is_shown_a_session_that_comes_back(connect: Connect) -> None:
    """One client stops the session and resumes it: the other, who did nothing, sees all of it without a gap."""
    first, idle = await connect(), await connect()
    await first.start()
    await idle.resume(first.session_id, 0)
    await first.ask("One")
    await first.request("stopSession", sessionId=first.session_id)
    await first.resume(first.session_id, first.events[-1].seq)
    again = await first.ask("Two")
    assert (await idle.answer(again.message_id)).text == again.text
    assert idle.numbers() == list(range(1, len(idle.numbers()) + 1))


async def test_a_slow_batch_keeps_nobody_else_waiting(connect: Connect, serve: Serve) -> None:
    """While one client's batch waits for the provider, the session's events go on to the others."""
    server = serve(PROVIDER__MODEL="slow")
    first, second = await connect(server), await connect(server)
    await first.start()
    await second.resume(first.session_id, 0)
    message_id = await second.send("Go on for ever")
    await second.text(message_id, "word2 ")
    session = {"sessionId": first.session_id}
    asked = {"jsonrpc": "2.0", "id": 7, "method": "session.switch_agent", "params": {"agent_id": "tessa", **session}}
    message = {"jsonrpc": "2.0", "id": 8, "method": "sendUserMessage", "params": {"message": "later", **session}}
    answers = await first.exchange([asked, message])
    assert [answer["id"] for answer in answers] == [7, 8]
    await second.expect("agent.switched", to="tessa")


async def test_limit_holds_for_many_at_once(connect: Connect, serve: Serve) -> None:
    """No more sessions than limits.max_sessions become live, however many are asked for at the same moment."""
    server = serve(LIMITS__MAX_SESSIONS="3")
    client = await connect(server)
    outcomes = await asyncio.gather(
        *(client.ask_for("startSession", sessionParams={"new": True}) for _ in range(10)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, RpcError)]
    assert len(outcomes) - len(refused) == 3
    assert {error.code for error in refused} == {-32004}


async def test_one_notebook_one_session(connect: Connect) -> None:
    """Asked for by notebook and by kernel at the same moment, a notebook has one session."""
    client = await connect()
    started = await asyncio.gather(
        *(
            client.ask_for("startSession", sessionParams=params)
            for params in ({"notebook": "one.ipynb"}, {"notebook": "one.ipynb", "kernelId": "k-1"})
        )
    )
    assert len({result["sessionId"] for result in started}) == 1
    assert [result["resumed"] for result in started].count(True) == 1


async def test_store_that_is_replaced(connect: Connect, serve: Serve) -> None:
    """Where the store's file is deleted under the server, a session is said to be gone instead of lost in silence."""
    server = serve()
    client = await connect(server)
    await client.start()
    await client.ask("One")
    server.store.unlink()
    for beside in server.store.parent.glob("sessions.db-*"):
        beside.unlink()
    with pytest.raises(RpcError):
        await client.send("Two")
    again = await connect(server)
    await again.start()
    assert (await again.ask("Three")).reason == "stop"
