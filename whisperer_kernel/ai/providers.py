"""The provider in use, and those that could be: chosen when first needed, and anew when the person says so."""

from __future__ import annotations

import asyncio
from collections import ChainMap, Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec

from whisperer_kernel.ai import choice
from whisperer_kernel.ai.keys import Keys, KeySource, check_key, has_keyring
from whisperer_kernel.ai.provider import Provider
from whisperer_kernel.config import Config, ProviderConfig
from whisperer_kernel.errors import InvalidParams, NotPermitted, WhispererError
from whisperer_kernel.events import ProviderInfo

Choose = Callable[[Config, Mapping[str, str]], Awaitable[Provider]]

KEY_VARIABLES = {"openrouter": choice.OPENROUTER, "openai": choice.OPENAI}
"""The providers that need a key, and the variable it goes by."""

CHOOSABLE = (*KEY_VARIABLES, "ollama", "lmstudio", "embedded")
"""The providers that can be chosen without a configuration: Whisperer knows their addresses."""


NOBODY = "none"
"""The name of the provider where there is none that can be used."""


class ProviderOffer(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """A provider as it can be chosen. ``available``: it would answer, as far as can be seen from here.

    ``key`` says where its key comes from; ``needsKey`` that it needs one.
    """

    name: str
    label: str
    model: str | None
    demo: bool
    current: bool
    available: bool
    needs_key: bool
    key: KeySource | None


class Offers(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """What can be chosen. ``locked``: nothing can, the server says; ``keyring``: keys can be remembered."""

    providers: list[ProviderOffer]
    current: ProviderInfo
    locked: bool
    keyring: bool


class Tested(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """What came of asking a provider whether it would answer, in words; ``seconds`` is how long it took."""

    ok: bool
    message: str
    seconds: float
    kind: str | None = None


class Providers:
    """One for a process. What is chosen here holds until the process ends; settings are not written."""

    def __init__(self, config: Config, environ: Mapping[str, str], choose: Choose = choice.choose) -> None:
        self.keys = Keys(environ)
        self._configured = config
        self._config = config
        self._choose = choose
        self._choosing: asyncio.Task[Provider] | None = None
        # Providers that were replaced while turns still read from them, with the number of those turns.
        self._used: Counter[Provider] = Counter()
        self._replaced: set[Provider] = set()

    # --- the one in use ---------------------------------------------------------------------------------------------

    async def current(self) -> Provider:
        """The provider in use. Raises ``WhispererError``; a failed choice is made again the next time."""
        if self._choosing is None or _failed(self._choosing):
            self._choosing = asyncio.get_running_loop().create_task(self._chosen_by(self._config))
        # Shielded: one caller that goes away must not take the choice from the others.
        return await asyncio.shield(self._choosing)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Provider]:
        """The provider in use, for a turn: it is not closed before the turn's end, whoever is chosen meanwhile."""
        provider = await self.current()
        self._used[provider] += 1
        try:
            yield provider
        finally:
            self._used[provider] -= 1
            await self._let_go(provider)

    @property
    def chosen(self) -> ProviderInfo | None:
        """Who answers; None before anybody has asked."""
        done = self._choosing is not None and self._choosing.done() and not _failed(self._choosing)
        return self._choosing.result().info if self._choosing is not None and done else None

    async def info(self) -> ProviderInfo:
        """Who answers, as the user is shown; what stands in the way is its ``notice``."""
        try:
            return (await self.current()).info
        except WhispererError as error:
            return ProviderInfo(name=NOBODY, label="No provider", notice=str(error))

    # --- choosing another -------------------------------------------------------------------------------------------

    async def offers(self) -> Offers:
        """Every provider that could be chosen, with what it still needs."""
        await self.keys.look_up(tuple(KEY_VARIABLES.values()))
        current = await self.info()
        running = {info.name: info for info in await choice.running_here(self.keys)}
        infos = {name: running.get(name) or choice.in_general(name, self._config_for(name, None)) for name in CHOOSABLE}
        if current.name != NOBODY:
            infos[current.name] = current
        return Offers(
            providers=[self._offer(info, current, info.name in running) for info in infos.values()],
            current=current,
            locked=self._configured.provider.locked,
            keyring=await has_keyring(),
        )

    async def select(self, name: str, model: str | None = None) -> ProviderInfo:
        """Use another provider from the next turn on. Raises ``InvalidParams``, ``NotPermitted``, ``ConfigError``."""
        self._unlocked()
        config = self._config_for(name, model)
        provider = await self._chosen_by(config)
        await self._replace(config, provider)
        return provider.info

    async def set_key(self, name: str, key: str, *, remember: bool) -> None:
        """Use this key for a provider from the next turn on; an empty one: forget the key.

        Raises ``InvalidParams``, ``NotPermitted``, ``NoKeyring``.
        """
        self._unlocked()
        variable = self._variable_of(name)
        if key.strip():
            await self.keys.enter(variable, key, remember=remember)
        else:
            await self.keys.forget(variable)
        if self.chosen is not None and self.chosen.name == name:
            # Chosen anew when it is next needed: with the new key, or without this provider where it has none now.
            await self._replace(self._config, None)

    async def test(self, name: str | None = None, model: str | None = None, key: str = "") -> Tested:
        """Ask a provider, the one in use by default, whether it would answer; with ``key``, which is not taken over.

        No message is sent and nothing billed. Raises ``InvalidParams``, ``NotPermitted`` for a key on a locked server.
        """
        began = asyncio.get_running_loop().time()
        keys: Mapping[str, str] = self.keys
        if key.strip():
            self._unlocked()
            keys = ChainMap({self._variable_of(name): check_key(key, "The key")}, {**self.keys})
        try:
            message, kind = await self._checked(name, model, keys), None
        except WhispererError as error:
            message, kind = str(error), getattr(error, "kind", "config")
        seconds = round(asyncio.get_running_loop().time() - began, 3)
        return Tested(ok=kind is None, message=message, kind=kind, seconds=seconds)

    async def aclose(self) -> None:
        """Close every provider."""
        for provider in self._replaced:
            await provider.aclose()
        if self._choosing is not None and not _failed(self._choosing):
            await (await self._choosing).aclose()

    # --- inside -----------------------------------------------------------------------------------------------------

    async def _checked(self, name: str | None, model: str | None, keys: Mapping[str, str]) -> str:
        if name is None:
            return await (await self.current()).check()
        provider = await self._choose(self._config_for(name, model), keys)
        try:
            return await provider.check()
        finally:
            await provider.aclose()

    async def _chosen_by(self, config: Config) -> Provider:
        if config.provider.name is None and config.provider.base_url is None:
            await self.keys.look_up(tuple(KEY_VARIABLES.values()))
        return await self._choose(config, self.keys)

    async def _let_go(self, provider: Provider) -> None:
        """Close one that was replaced, as soon as no turn reads from it any more."""
        if provider in self._replaced and not self._used[provider]:
            self._replaced.discard(provider)
            del self._used[provider]
            await provider.aclose()

    async def _replace(self, config: Config, provider: Provider | None) -> None:
        """From now on another is used; the one before is closed when no turn reads from it any more."""
        before, self._config = self._choosing, config
        self._choosing = None if provider is None else asyncio.get_running_loop().create_task(_itself(provider))
        if self._choosing is not None:
            await self._choosing
        if before is not None and before.done() and not _failed(before):
            self._replaced.add(before.result())
            await self._let_go(before.result())

    def _config_for(self, name: str, model: str | None) -> Config:
        """The settings for a provider: address, headers and parameters of the configured one are not for another."""
        given = self._configured.provider
        if name == given.name or (name == "openai-compatible" and given.name is None and given.base_url):
            return self._with(msgspec.structs.replace(given, model=model or given.model))
        if name not in CHOOSABLE:
            raise InvalidParams(f"{name}: there is no such provider to choose; there are {', '.join(CHOOSABLE)}.")
        return self._with(msgspec.structs.replace(self._plain().provider, name=name, model=model))

    def _plain(self) -> Config:
        """The configuration without what it says of one provider alone."""
        own = {"name": None, "base_url": None, "api_key_env": None, "model": None, "context_length": None}
        return self._with(msgspec.structs.replace(self._configured.provider, **own, headers={}, parameters={}))

    def _with(self, provider: ProviderConfig) -> Config:
        return msgspec.structs.replace(self._configured, provider=provider)

    def _offer(self, info: ProviderInfo, current: ProviderInfo, is_running: bool) -> ProviderOffer:  # noqa: FBT001
        needs_key = info.name in KEY_VARIABLES
        source = self.keys.source(self._variable(info.name)) if needs_key else None
        is_current = info.name == current.name
        ready = source is not None if needs_key else is_running or info.name == "embedded"
        return ProviderOffer(
            name=info.name,
            label=info.label,
            model=info.model,
            demo=info.demo,
            current=is_current,
            available=is_current or ready,
            needs_key=needs_key,
            key=source,
        )

    def _variable(self, name: str) -> str:
        """The variable that a provider's key goes by: the configured one's own, where it names one."""
        given = self._configured.provider
        return given.api_key_env or KEY_VARIABLES[name] if given.name == name else KEY_VARIABLES[name]

    def _variable_of(self, name: str | None) -> str:
        """The same, where it may be a provider that needs no key. Raises ``InvalidParams``."""
        if name not in KEY_VARIABLES:
            raise InvalidParams(f"{name}: needs no key; {' and '.join(KEY_VARIABLES)} do.")
        return self._variable(name)

    def _unlocked(self) -> None:
        if self._configured.provider.locked:
            raise NotPermitted("Who answers is fixed on this server (provider.locked).")


def with_model(info: ProviderInfo, model: str | None) -> ProviderInfo:
    """The same provider, asked for another model than its own."""
    return info if model in {None, info.model} else msgspec.structs.replace(info, model=model, notice=None)


async def _itself(provider: Provider) -> Provider:
    return provider


def _failed(task: asyncio.Task[Provider]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
