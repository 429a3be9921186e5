"""Which provider answers: the order, the words where something is missing, and that keys stay private."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import Act, FakeProvider, Reply
from tests.unit.ai.asking import ask
from whisperer_kernel.ai import choice, local
from whisperer_kernel.ai.choice import choose
from whisperer_kernel.ai.local import find_local, ollama_url
from whisperer_kernel.ai.provider import Provider
from whisperer_kernel.config import Config, EmbeddedConfig, ProviderConfig
from whisperer_kernel.errors import ConfigError

KEYS = {"OPENROUTER_API_KEY": "sk-or-1111111111", "OPENAI_API_KEY": "sk-oa-2222222222"}


@pytest.fixture(autouse=True)
def _no_lm_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine: port 9 answers nobody."""
    monkeypatch.setattr(choice, "LM_STUDIO_URL", "http://127.0.0.1:9/v1")


def environ_of(fake: FakeProvider | None = None, **more: str) -> dict[str, str]:
    """An environment in which Ollama is ``fake``, or is not there."""
    return {"OLLAMA_HOST": f"127.0.0.1:{fake.port if fake else 9}", **more}


def configured(**provider: Any) -> Config:
    """A configuration with these settings of the provider."""
    return Config(provider=ProviderConfig(**provider))


def sent_to(provider: Provider) -> str:
    """The base URL of a provider over HTTP."""
    return str(getattr(provider, "_base"))  # noqa: B009 - not every provider has one


async def chosen(config: Config, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Name and model of the choice."""
    provider = await choose(config, environ)
    await provider.aclose()
    return provider.info.name, provider.info.model


async def test_order(fake_provider: FakeProvider) -> None:
    """Configuration, OpenRouter's key, OpenAI's key, a local server, the built-in model."""
    environ = environ_of(fake_provider, **KEYS)
    assert await chosen(configured(name="scripted"), environ) == ("scripted", "scripted")
    assert await chosen(Config(), environ) == ("openrouter", "openrouter/auto")
    del environ["OPENROUTER_API_KEY"]
    assert await chosen(configured(model="gpt-x"), environ) == ("openai", "gpt-x")
    del environ["OPENAI_API_KEY"]
    assert await chosen(Config(), environ) == ("ollama", "fake-model")
    assert await chosen(configured(probe_local=False), environ) == ("embedded", "SmolLM2-135M-Instruct")
    assert await chosen(Config(), environ_of()) == ("embedded", "SmolLM2-135M-Instruct")


async def test_addresses() -> None:
    """Each key goes to its own provider."""
    openrouter = await choose(Config(), KEYS)
    openai = await choose(configured(name="openai"), KEYS)
    elsewhere = await choose(configured(name="openai"), {**KEYS, "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1/"})
    assert [sent_to(openrouter), sent_to(openai), sent_to(elsewhere)] == [
        "https://openrouter.ai/api/v1",
        "https://api.openai.com/v1",
        "http://127.0.0.1:8000/v1",
    ]


async def test_address_of_ones_own_gets_no_key_by_itself(fake_provider: FakeProvider) -> None:
    """A key in the environment belongs to somebody else; ``api_key_env`` says which to send."""
    environ = {**KEYS, "MY_KEY": "mine-333333"}
    for settings in ({}, {"api_key_env": "MY_KEY"}):
        provider = await choose(configured(base_url=fake_provider.url, model="m", **settings), environ)
        assert (await ask(provider)).reason == "stop"
        await provider.aclose()
    assert [request.headers.get("authorization") for request in fake_provider.requests] == [None, "Bearer mine-333333"]


async def test_openrouter_is_asked_for_the_cost(fake_provider: FakeProvider) -> None:
    """Its extension of the API, and nobody else's."""
    provider = await choose(configured(name="openrouter", base_url=fake_provider.url), KEYS)
    await ask(provider)
    await provider.aclose()
    assert fake_provider.requests[0].json["usage"] == {"include": True}


@pytest.mark.parametrize("name", ["openrouter", "openai"])
async def test_missing_key_is_said(name: str) -> None:
    """With the variable that it belongs into."""
    with pytest.raises(ConfigError, match=f"needs a key: put it into the environment variable {name.upper()}_API_KEY"):
        await choose(configured(name=name), {f"{name.upper()}_API_KEY": "  "})


async def test_spoiled_key_is_said_and_not_shown() -> None:
    """A newline inside would end in a header."""
    with pytest.raises(ConfigError, match="OPENROUTER_API_KEY holds characters") as raised:
        await choose(Config(), {"OPENROUTER_API_KEY": "sk-or-1111\n2222"})
    assert "1111" not in str(raised.value)


async def test_key_is_trimmed(fake_provider: FakeProvider) -> None:
    """Files and pipes add a newline."""
    config = configured(name="openrouter", base_url=fake_provider.url)
    provider = await choose(config, {"OPENROUTER_API_KEY": " sk-or-1111111111\n"})
    await ask(provider)
    await provider.aclose()
    assert fake_provider.requests[0].headers["authorization"] == "Bearer sk-or-1111111111"
    assert "sk-or-1111111111" not in repr(vars(provider)["_endpoint"])


async def test_no_obvious_model_is_said(fake_provider: FakeProvider) -> None:
    """In the notice from the start, and by every request, with what there is to choose from."""
    fake_provider.models = [{"id": "a"}, {"id": "b"}, {"id": "nomic-embed-text"}]
    provider = await choose(Config(), environ_of(fake_provider))
    assert provider.info.notice == "Ollama has no model by default: name one in provider.model."
    heard = await ask(provider)
    await provider.aclose()
    assert heard.kind == "bad_request"
    assert str(heard.error).startswith("Ollama has no model by default: name one in provider.model. For example: a, b")


async def test_only_chat_model_is_obvious(fake_provider: FakeProvider) -> None:
    """An embedding model beside it does not count."""
    fake_provider.models = [{"id": "a"}, {"id": "nomic-embed-text"}]
    assert await chosen(Config(), environ_of(fake_provider)) == ("ollama", "a")


async def test_server_without_models_is_passed_over(fake_provider: FakeProvider) -> None:
    """Unless it is named."""
    fake_provider.models = []
    assert (await chosen(Config(), environ_of(fake_provider)))[0] == "embedded"
    assert await chosen(configured(name="ollama"), environ_of(fake_provider)) == ("ollama", None)


async def test_loaded_model_is_obvious(fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one in memory answers at once."""
    fake_provider.models = [{"id": "a"}, {"id": "b"}]

    async def loaded(*_: object) -> tuple[str, ...]:
        return ("b",)

    monkeypatch.setattr(local, "_loaded", loaded)
    assert await chosen(Config(), environ_of(fake_provider)) == ("ollama", "b")


async def test_silent_port_delays_the_choice_by_half_a_second(fake_provider: FakeProvider) -> None:
    """Something else may listen there."""
    fake_provider.models_reply = Reply([Act.HANG], framing="raw")
    began = time.monotonic()
    assert (await chosen(Config(), environ_of(fake_provider)))[0] == "embedded"
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[" * 50_000, b'{"data": {}}'])
async def test_something_else_at_the_port_is_no_server(fake_provider: FakeProvider, body: bytes) -> None:
    """Only a list of models makes it one."""
    fake_provider.models_reply = Reply.of_body(body, "application/json")
    assert await find_local({"ollama": fake_provider.url}) == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://localhost:11434/v1"),
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:8080", "http://localhost:8080/v1"),
        ("http://localhost:9000", "http://localhost:9000/v1"),
        ("[::1]:9000", "http://[::1]:9000/v1"),
        ("gpu.example.org:11434", "http://localhost:11434/v1"),
        ("https://10.0.0.1", "http://localhost:11434/v1"),
        ("localhost:notaport", "http://localhost:11434/v1"),
    ],
)
def test_ollama_host_is_kept_to_on_loopback_alone(host: str, url: str) -> None:
    """Prompts go to another machine only where the configuration says so."""
    assert ollama_url(host) == url


async def test_own_gguf_is_a_choice(tmp_path: Path) -> None:
    """A file that the user names is no demo."""
    path = tmp_path / "Qwen3-4B.gguf"
    path.write_bytes(b"GGUF\x03")
    provider = await choose(Config(embedded=EmbeddedConfig(gguf=str(path))), KEYS)
    assert (provider.info.label, provider.info.model, provider.info.demo) == ("Local model", "Qwen3-4B", False)


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"PK\x03\x04", "is not a GGUF file")])
async def test_gguf_that_is_none_is_said(tmp_path: Path, content: bytes | None, words: str) -> None:
    """At the choice, not at the first message."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        await choose(Config(embedded=EmbeddedConfig(gguf=str(path))), {})


async def test_script_by_name(tmp_path: Path) -> None:
    """``provider.parameters.script`` is the file."""
    path = tmp_path / "script.yaml"
    path.write_text("replies: [[{text: played}]]", encoding="utf-8")
    provider = await choose(configured(name="scripted", parameters={"script": str(path)}), {})
    assert (await ask(provider)).text == "played"
    with pytest.raises(ConfigError, match=r"provider\.parameters\.script"):
        await choose(configured(name="scripted", parameters={"script": 5}), {})
