"""Providers: who could answer, and choosing who does, for every session of this server."""

from __future__ import annotations

from whisperer_kernel.ai.providers import Offers, Tested
from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import OK, Methods, method


@method("provider.list")
async def list_providers(methods: Methods, _call: Call, _params: p.NoParams) -> Offers:
    """Who could answer, what each still needs, and where its key is from. Never a key."""
    return await methods.services.providers.offers()


@method("provider.select")
async def select_provider(methods: Methods, call: Call, params: p.SelectProvider) -> p.Selected:
    """Another provider answers from the next turn on, until the server stops."""
    provider = await methods.services.providers.select(params.name, params.model)
    call.hold()
    await methods.manager.provider_changed()
    return p.Selected(provider=provider)


@method("provider.set_key")
async def set_key(methods: Methods, call: Call, params: p.SetKey) -> p.Status:
    """Use a key: kept in the server's memory and, to be remembered, in the keyring. An empty one is forgotten."""
    await methods.services.providers.set_key(params.name, params.key, remember=params.remember)
    call.hold()
    await methods.manager.provider_changed()
    return p.Status(status=OK)


@method("provider.test")
async def try_provider(methods: Methods, _call: Call, params: p.TestProvider) -> Tested:
    """Whether a provider would answer, and if not, what is wrong. No message is sent."""
    return await methods.services.providers.test(params.name, params.model, params.key)
