"""The fake provider as a process, for tests that cannot hold it in theirs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

from tests.unit.ai.asking import ask, provider_at


async def test_fake_runs_as_a_process_until_its_stdin_ends() -> None:
    """It says where it is, answers, and goes."""
    command = [sys.executable, "-m", "tests.fakes.provider", "--port", "0"]
    fake = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert fake.stdout is not None
    provider = provider_at(json.loads(await fake.stdout.readline())["url"])
    heard = await ask(provider, text="Anybody there?")
    await provider.aclose()
    assert heard.text == "The fake provider heard: Anybody there?"
    await fake.communicate(b"")
    assert fake.returncode == 0
