"""The long version of kill -9: at any moment, again and again, in the same store."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.server.conftest import Connect, Serve

ROUNDS = 25


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_killed_again_and_again(serve: Serve, connect: Connect) -> None:
    """Through 25 kills at random moments no message that was answered is lost, and no number is used twice."""
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    server = serve()
    client = await connect(server)
    session_id = (await client.start(model="slow"))["sessionId"]
    answered: list[str] = []
    highest = 0
    for _ in range(ROUNDS):
        answered += [await client.send("Hello") for _ in range(moments.randint(1, 3))]
        await asyncio.sleep(moments.random() * 2)
        server.kill()
        with pytest.raises(ConnectionError):
            await client.request("echo", message="gone")
        assert client.numbers() == sorted(set(client.numbers())), f"seed {seed}"
        assert min(client.numbers()) > highest, f"seed {seed}"
        highest = max(client.numbers())
        server.start()
        client = await connect(server)
        resumed = await client.resume(session_id, highest)
        assert resumed["resync"], f"seed {seed}"
        messages = resumed["snapshot"]["messages"]
        kept = [message["messageId"] for message in messages if message["role"] == "user"]
        assert kept == answered, f"seed {seed}"
        ends = [message for message in messages if message["role"] == "assistant"]
        assert all(message["finishReason"] in {"stop", "interrupted"} for message in ends), f"seed {seed}"
