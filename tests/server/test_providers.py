"""Choosing who answers while the server runs: another provider, another model, a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider
from tests.server.client import Client, Json, RpcError
from tests.server.conftest import Connect, Serve
from tests.server.process import Server

OPENROUTER_KEY = "sk-or-v1-abcdefghijklmnop0123456789"


@pytest.fixture
def keyless(serve: Serve, provider: FakeProvider) -> Server:
    """A server whose OpenRouter is the fake provider and has no key yet; an Ollama of the fake's runs beside it."""
    return serve(
        PROVIDER__NAME="openrouter",
        PROVIDER__API_KEY_ENV="ENTERED_KEY",
        environ={
            "OLLAMA_HOST": f"127.0.0.1:{provider.port}",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            # As environments often are: this one is set to nothing.
            "SET_TO_NOTHING": "",
        },
    )


async def told(client: Client, name: str) -> Json:
    """Who answers now, as the session says; waits until it is this provider."""

    def said() -> list[Json]:
        infos = [event.get("provider", {}) for event in client.seen("SessionStatusNotification")]
        return [info for info in infos[1:] if info.get("name") == name]

    await client.until(said)
    return said()[-1]


def files_with(text: str, folder: Path) -> list[str]:
    """The files in which this stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes()]


async def test_a_key_is_entered_and_answers(keyless: Server, connect: Connect, provider: FakeProvider) -> None:
    """Who has no key is told so; with the key that is entered the very next message is answered."""
    client = await connect(keyless)
    await client.start()
    assert "needs a key" in client.started["provider"]["notice"]
    refused = await client.ask("Hello")
    assert (refused.reason, "needs a key" in refused.error["message"]) == ("error", True)
    await client.request("provider.set_key", name="openrouter", key=OPENROUTER_KEY)
    assert "notice" not in await told(client, "openrouter")
    assert (await client.ask("Hello")).reason == "stop"
    assert provider.requests[-1].headers["authorization"] == f"Bearer {OPENROUTER_KEY}"
    offers = (await client.request("provider.list"))["providers"]
    assert {offer["name"]: offer["key"] for offer in offers}["openrouter"] == "entered"


async def test_a_key_is_found_nowhere_afterwards(keyless: Server, connect: Connect) -> None:
    """Not in a file of the server's, not in its log, not in what clients are told; and a restart has forgotten it."""
    client = await connect(keyless)
    await client.start()
    await client.request("provider.set_key", name="openrouter", key=OPENROUTER_KEY)
    await client.ask("Hello")
    await client.request("provider.test", name="openai", key=OPENROUTER_KEY)
    with pytest.raises(RpcError):
        await client.request("provider.set_key", name="openrouter", key=f"{OPENROUTER_KEY}\N{BULLET}")
    with pytest.raises(RpcError):
        await client.request("provider.set_key", name="openrouter", key=[OPENROUTER_KEY])
    assert OPENROUTER_KEY not in str(client.frames)
    keyless.terminate()
    assert files_with(OPENROUTER_KEY, keyless.folder) == []
    assert files_with("Hello", keyless.folder)
    keyless.start()
    again = await connect(keyless)
    assert "needs a key" in (await again.start())["provider"]["notice"]


async def test_another_provider_is_chosen_for_every_session(
    serve: Serve, connect: Connect, provider: FakeProvider
) -> None:
    """All sessions hear it, a turn that runs goes on, and the new one is not asked for a model of the old one."""
    server = serve(environ={"OLLAMA_HOST": f"127.0.0.1:{provider.port}"})
    first, second = await connect(server), await connect(server)
    await first.start(model="slow")
    await second.start()
    running = await first.send("Go on")
    await first.text(running, "word1 ")
    chosen = await second.request("provider.select", name="ollama", model="from-ollama")
    assert chosen["provider"]["label"] == "Ollama"
    for client in (first, second):
        assert (await told(client, "ollama"))["model"] == "from-ollama"
    await first.text(running, "word5 ")
    await first.request("session.cancel", sessionId=first.session_id)
    assert (await first.answer(running)).reason == "cancelled"
    await first.ask("And now?")
    assert provider.requests[-1].json["model"] == "from-ollama"
    assert "authorization" not in provider.requests[-1].headers


async def test_a_connection_is_tested(keyless: Server, connect: Connect) -> None:
    """In words that say what is wrong; nothing is taken over."""
    client = await connect(keyless)
    missing = await client.request("provider.test")
    assert (missing["ok"], missing["kind"]) == (False, "config")
    tried = await client.request("provider.test", name="openrouter", key=OPENROUTER_KEY)
    assert (tried["ok"], tried["message"]) == (True, "OpenRouter answers, and has fake-model.")
    assert "needs a key" in (await client.request("provider.list"))["current"]["notice"]


async def test_what_cannot_be_chosen_is_said(keyless: Server, connect: Connect) -> None:
    """Neither an address nor an unknown name, and nothing goes into a keyring that is not there."""
    client = await connect(keyless)
    for name in ("http://127.0.0.1:1/v1", "nobody", "scripted"):
        with pytest.raises(RpcError, match="no such provider"):
            await client.request("provider.select", name=name)
    with pytest.raises(RpcError, match="in memory only"):
        await client.request("provider.set_key", name="openrouter", key=OPENROUTER_KEY, remember=True)
    assert not (await client.request("provider.list"))["keyring"]


async def test_a_locked_server_keeps_its_provider(serve: Serve, connect: Connect) -> None:
    """Whoever runs the server can fix who answers."""
    client = await connect(serve(PROVIDER__LOCKED="true"))
    for method, params in (("select", {"name": "ollama"}), ("set_key", {"name": "openai", "key": OPENROUTER_KEY})):
        with pytest.raises(RpcError, match=r"provider\.locked") as refused:
            await client.request(f"provider.{method}", **params)
        assert refused.value.code == -32006
    assert (await client.request("provider.list"))["locked"]
