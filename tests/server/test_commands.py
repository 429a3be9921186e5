"""Slash commands."""

from __future__ import annotations

import pytest

from tests.server.client import Client, RpcError


async def command(client: Client, line: str) -> str:
    """What a command says."""
    result = await client.request("dispatchCommand", sessionId=client.session_id, command=line)
    output: str = result["output"]
    return output


async def test_help(client: Client) -> None:
    """/help names every command."""
    await client.start()
    said = await command(client, "/help")
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "/help",
        "/clear",
        "/agent",
        "/model",
        "/export",
        "/stop",
    ]


async def test_agent_and_model(client: Client) -> None:
    """/agent and /model tell and change who answers, for everybody to see."""
    await client.start()
    assert "Alice answers" in await command(client, "/agent")
    assert await command(client, "/agent tessa") == "Tessa answers."
    await client.expect("agent.switched", to="tessa")
    assert (await command(client, "/model other-model")).endswith("other-model")
    await client.expect("session.model_changed", model="other-model")


async def test_clear_and_stop(client: Client) -> None:
    """/stop ends the turn, /clear forgets the conversation."""
    await client.start(model="slow")
    assert await command(client, "/stop") == "Nothing is running."
    message_id = await client.send("Go on")
    await client.text(message_id, "word1 ")
    assert await command(client, "/stop") == "Stopped."
    assert (await client.answer(message_id)).reason == "cancelled"
    await command(client, "/clear")
    assert await client.history() == []


@pytest.mark.parametrize(("line", "code"), [("/dance", -32602), ("/agent nobody", -32001), ("", -32602)])
async def test_bad_commands(client: Client, line: str, code: int) -> None:
    """What is no command, or names nobody, is said."""
    await client.start()
    with pytest.raises(RpcError) as refused:
        await command(client, line)
    assert refused.value.code == code
