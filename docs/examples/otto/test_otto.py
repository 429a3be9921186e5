"""Otto, without any model: scripted replies ask for the tool, and everything else is real."""

from __future__ import annotations

from pathlib import Path

import pytest

from whisperer_kernel import Whisperer

HERE = Path(__file__).parent


@pytest.fixture
def otto(monkeypatch: pytest.MonkeyPatch) -> Whisperer:
    """A conversation with Otto in this process."""
    settings = {
        "WHISPERER_AGENTS_FILE": str(HERE / "agents.yaml"),
        "WHISPERER_PROVIDER__NAME": "scripted",
        "WHISPERER_PROVIDER__PARAMETERS": f"{{script: {HERE / 'replies.yaml'}}}",
        "WHISPERER_STORE__URL": "memory://",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Whisperer("otto", in_process=True)


async def test_otto_uses_his_tool(otto: Whisperer) -> None:
    """The tool is offered to him and called; what it cannot do becomes an answer, not an error."""
    reply = await otto.ask("How many kilometres are 26.2 miles?")
    assert (reply.agent, reply.text) == ("otto", "That is a marathon: 42.2 km.")
    reply = await otto.ask("And minus one metre?")
    assert reply.text == "A length is never negative; did you mean 1 m?"
    results = [message.content for message in await otto.history() if message.role == "tool"]
    assert results == ["42.1648 km", "A length is not negative."]
