"""Models: which there are, and which one answers."""

from __future__ import annotations

from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import Methods, method


@method("model.list")
async def list_models(methods: Methods, _call: Call, _params: p.NoParams) -> p.ModelList:
    """What the provider serves."""
    provider = await methods.services.providers.current()
    return p.ModelList(models=list(await provider.models()), current=provider.info.model, provider=provider.info)


@method("session.set_model")
async def set_model(methods: Methods, call: Call, params: p.SetModel) -> p.Model:
    """Ask another model from the next turn on."""
    session = await methods.held(call, params.session_id)
    await session.settings.set_model(params.model)
    return p.Model(model=params.model)
