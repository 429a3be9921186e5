"""Choosing a provider while Whisperer runs: what is on offer, keys that stay private, and turns that are not cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keyring
import pytest

from tests.fakes.keyring import MemoryKeyring
from tests.fakes.provider import FakeProvider
from tests.unit.ai.asking import ask
from whisperer_kernel.ai import choice
from whisperer_kernel.ai.keys import Keys, NoKeyring
from whisperer_kernel.ai.openai_compatible import Endpoint, OpenAICompatibleProvider
from whisperer_kernel.ai.provider import Provider
from whisperer_kernel.ai.providers import Providers
from whisperer_kernel.config import Config, ProviderConfig
from whisperer_kernel.errors import ConfigError, InvalidParams, NotPermitted
from whisperer_kernel.events import ProviderInfo

KEY = "sk-or-1234567890abcdef"
NOWHERE = {"OLLAMA_HOST": "127.0.0.1:9"}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine: port 9 answers nobody."""
    monkeypatch.setattr(choice, "LM_STUDIO_URL", "http://127.0.0.1:9/v1")


@pytest.fixture
def memory_keyring() -> Iterator[MemoryKeyring]:
    """A keyring that is nobody's."""
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    """Tests never ask the keyring of whoever runs them."""
    from keyring.backends import fail  # noqa: PLC0415 - loads every backend there is

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def openrouter_at(fake: FakeProvider) -> Any:
    """A choice that finds OpenRouter at ``fake``."""

    async def choose(config: Config, environ: Mapping[str, str]) -> Provider:
        provider = await choice.choose(config, environ)
        if provider.info.name != "openrouter":
            return provider
        endpoint = Endpoint(info=provider.info, base_url=fake.url, key=environ["OPENROUTER_API_KEY"])
        return OpenAICompatibleProvider(endpoint, config.provider)

    return choose


async def test_all_that_could_be_chosen_is_on_offer(fake_provider: FakeProvider) -> None:
    """Each provider says whether it would answer, and where its key is from; the one in use is marked."""
    environ = {"OLLAMA_HOST": f"127.0.0.1:{fake_provider.port}", "OPENAI_API_KEY": KEY}
    config = Config(provider=ProviderConfig(name="openai", model="gpt-x"))
    offers = await Providers(config, environ).offers()
    shown = [(offer.name, offer.model, offer.available, offer.key, offer.current) for offer in offers.providers]
    assert shown == [
        ("openrouter", "openrouter/auto", False, None, False),
        ("openai", "gpt-x", True, "environment", True),
        ("ollama", "fake-model", True, None, False),
        ("lmstudio", None, False, None, False),
        ("embedded", "SmolLM2-135M-Instruct", True, None, False),
    ]
    assert not offers.keyring
    assert not offers.locked


async def test_a_key_that_is_entered_makes_its_provider_usable(fake_provider: FakeProvider) -> None:
    """With a key OpenRouter can be chosen, and gets just that key; no other place holds it."""
    environ = dict(NOWHERE)
    providers = Providers(Config(), environ, openrouter_at(fake_provider))
    with pytest.raises(ConfigError, match="OPENROUTER_API_KEY"):
        await providers.select("openrouter")
    await providers.set_key("openrouter", f"  {KEY}\n", remember=False)
    info = await providers.select("openrouter", "some/model")
    assert info == ProviderInfo(name="openrouter", label="OpenRouter", model="some/model")
    await ask(await providers.current())
    assert fake_provider.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert environ == NOWHERE
    assert KEY not in repr([providers.keys, await providers.offers()])
    await providers.aclose()


async def test_a_key_that_is_forgotten_is_used_no_more(fake_provider: FakeProvider) -> None:
    """Afterwards the provider cannot be used, and whoever is found next answers."""
    providers = Providers(Config(), NOWHERE, openrouter_at(fake_provider))
    await providers.set_key("openrouter", KEY, remember=False)
    assert (await providers.current()).info.name == "openrouter"
    await providers.set_key("openrouter", "", remember=False)
    assert (await providers.current()).info.name == "embedded"
    await providers.aclose()


@pytest.mark.parametrize("key", ["sk-…", "sk\x00key", "k" * 2_000])
async def test_what_cannot_be_a_key_is_refused(key: str) -> None:
    """And is not repeated in the words that refuse it."""
    providers = Providers(Config(), NOWHERE)
    with pytest.raises(InvalidParams) as refused:
        await providers.set_key("openrouter", key, remember=False)
    assert key not in str(refused.value)
    with pytest.raises(InvalidParams, match="needs no key"):
        await providers.set_key("ollama", KEY, remember=False)


async def test_a_key_in_the_keyring_outlives_the_process(memory_keyring: MemoryKeyring) -> None:
    """A remembered key is found by the next process; forgotten, it is gone from the keyring too."""
    await Providers(Config(), NOWHERE).set_key("openrouter", KEY, remember=True)
    assert memory_keyring.kept == {("whisperer", "OPENROUTER_API_KEY"): KEY}
    later = Providers(Config(), NOWHERE)
    assert (await later.current()).info.name == "openrouter"
    assert {offer.name: offer.key for offer in (await later.offers()).providers}["openrouter"] == "keyring"
    await later.set_key("openrouter", "", remember=False)
    assert memory_keyring.kept == {}
    await later.aclose()


async def test_the_environment_goes_before_the_keyring(memory_keyring: MemoryKeyring) -> None:
    """And what was entered goes before both."""
    memory_keyring.kept["whisperer", "OPENAI_API_KEY"] = "from the keyring"
    keys = Keys({"OPENAI_API_KEY": "from the environment"})
    await keys.look_up(("OPENAI_API_KEY",))
    assert keys["OPENAI_API_KEY"] == "from the environment"
    await keys.enter("OPENAI_API_KEY", KEY, remember=False)
    assert (keys["OPENAI_API_KEY"], keys.source("OPENAI_API_KEY")) == (KEY, "entered")


async def test_without_a_keyring_nothing_can_be_remembered() -> None:
    """It is said, and the key is not taken as if it were."""
    providers = Providers(Config(), NOWHERE)
    with pytest.raises(NoKeyring, match="in memory only"):
        await providers.set_key("openrouter", KEY, remember=True)
    assert providers.keys.source("OPENROUTER_API_KEY") is None


async def test_what_is_configured_for_one_provider_stays_with_it(fake_provider: FakeProvider) -> None:
    """Address, headers and parameters of the configured provider are not sent to another one, and come back with it."""
    settings = ProviderConfig(base_url="http://127.0.0.1:9/v1", model="own", headers={"X-Gateway": "secret-gateway"})
    providers = Providers(Config(provider=settings), NOWHERE, openrouter_at(fake_provider))
    assert (await providers.current()).info.name == "openai-compatible"
    await providers.set_key("openrouter", KEY, remember=False)
    await providers.select("openrouter")
    await ask(await providers.current())
    assert "x-gateway" not in fake_provider.requests[-1].headers
    assert (await providers.select("openai-compatible")).model == "own"
    await providers.aclose()


async def test_a_turn_keeps_its_provider_until_it_ends() -> None:
    """Whoever was replaced is closed when the last turn that reads from it has ended, not before."""
    made: list[_Counted] = []

    async def choose(config: Config, _environ: Mapping[str, str]) -> Provider:
        made.append(_Counted(config.provider.name or "embedded"))
        return made[-1]

    providers = Providers(Config(), NOWHERE, choose)
    async with providers.use() as first:
        await providers.select("ollama")
        assert first is made[0]
        assert await providers.current() is made[1]
        assert [provider.closed for provider in made] == [0, 0]
    assert [provider.closed for provider in made] == [1, 0]
    await providers.aclose()
    assert [provider.closed for provider in made] == [1, 1]


async def test_a_locked_server_lets_nobody_choose() -> None:
    """Neither provider nor key; what is on offer can be seen."""
    providers = Providers(Config(provider=ProviderConfig(locked=True)), NOWHERE)
    for refused in (providers.select("openrouter"), providers.set_key("openrouter", KEY, remember=False)):
        with pytest.raises(NotPermitted, match=r"provider\.locked"):
            await refused
    assert (await providers.offers()).locked


@pytest.mark.parametrize("name", ["", "scripted", "http://elsewhere.example/v1", "openai-compatible"])
async def test_only_what_is_on_offer_can_be_chosen(name: str) -> None:
    """An address is nothing that a client can send."""
    with pytest.raises(InvalidParams, match="no such provider"):
        await Providers(Config(), NOWHERE).select(name)


async def test_a_connection_is_tested_without_a_message(fake_provider: FakeProvider) -> None:
    """It says what would happen, sends no message, and changes nothing of who answers."""
    fake_provider.models = [{"id": "openrouter/auto"}]
    providers = Providers(Config(), NOWHERE, openrouter_at(fake_provider))
    missing = await providers.test("openrouter")
    assert (missing.ok, missing.kind) == (False, "config")
    tried = await providers.test("openrouter", key=KEY)
    assert tried.ok
    assert providers.keys.source("OPENROUTER_API_KEY") is None
    await providers.set_key("openrouter", KEY, remember=False)
    tested = await providers.test("openrouter")
    assert (tested.ok, tested.message) == (True, "OpenRouter answers, and has openrouter/auto.")
    unknown = await providers.test("openrouter", "no/such")
    assert (unknown.ok, unknown.message) == (False, "OpenRouter answers, but lists no model no/such.")
    assert {request.method for request in fake_provider.requests} == {"GET"}
    assert {request.path for request in fake_provider.requests} == {"/v1/key", "/v1/models"}
    assert (await providers.test("ollama")).kind == "unavailable"
    assert (await providers.current()).info.name == "openrouter"
    await providers.aclose()


class _Counted:
    """A provider that counts how often it was closed; it is asked nothing."""

    def __init__(self, name: str) -> None:
        self.info = ProviderInfo(name=name, label=name)
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)
