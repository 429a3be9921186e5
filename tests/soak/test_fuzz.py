"""The long version of the hostile frames: another seed each time, which is told where it fails."""

from __future__ import annotations

import random

import pytest

from tests.server.conftest import Connect, Serve
from tests.server.frames import hostile_frames

FRAMES = 50_000


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_fifty_thousand_hostile_frames(serve: Serve, connect: Connect) -> None:
    """Fifty thousand hostile frames end in answers, none of them an internal error, and the server serves on."""
    seed = random.randrange(2**32)
    server = serve(LIMITS__MAX_SESSIONS="1000000")
    client = await connect(server)
    await client.start()
    for number, frame in enumerate(hostile_frames(random.Random(seed), FRAMES, client.session_id)):
        await client.write(frame)
        if number % 100 == 0:
            assert await client.request("echo", message=str(number)) == str(number), f"seed {seed}, frame {number}"
    assert "Traceback" not in server.log, f"seed {seed}"
