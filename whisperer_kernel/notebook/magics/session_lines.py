"""What a session says of itself, in lines; and what of it is set from a cell."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from whisperer_kernel.ai.providers import ProviderOffer
from whisperer_kernel.events import Mode, ProviderInfo
from whisperer_kernel.notebook.session_client import SessionClient

MODES: dict[Mode, str] = {
    "plan": "agents read and change nothing",
    "ask": "agents ask before they change a cell or run code",
    "edit": "agents change cells without asking, and ask before they run code",
    "auto": "agents change cells and run code without asking",
}
SHOWN_MODELS = 20


async def agents(client: SessionClient) -> list[str]:
    """Who is there; the current one is marked."""
    await client.session.open()
    known = await client.cast.all()
    width = max(len(agent.agent_id) for agent in known)
    return [
        f"{_mark(agent.agent_id == client.session.agent)} {agent.agent_id:{width}}  "
        f"{agent.name}, {agent.role}: {agent.description}"
        for agent in known
    ]


async def status(client: SessionClient) -> list[str]:
    """The session, the agent, the model, the mode."""
    messages = await client.history(None)
    session = client.session
    is_answering = bool(messages) and messages[-1].role == "assistant" and messages[-1].finish_reason is None
    return [
        f"Session: {session.id}; messages: {len(messages)}{'; an answer is being given' if is_answering else ''}",
        f"Agent: {(await client.cast.named(session.agent)).name}",
        *_who_answers(session.provider),
        f"Mode: {session.mode} ({MODES[session.mode]})",
    ]


async def models(client: SessionClient) -> list[str]:
    """What the provider serves, as much of it as can be read. Raises ``ProviderError``."""
    served = await client.models()
    more = len(served) - SHOWN_MODELS
    hint = [f"… and {more} more: type the beginning of a name and press Tab."] if more > 0 else []
    named = [f"{model.id} ({model.name})" if model.name not in {None, model.id} else model.id for model in served]
    return [*(f"  {name}" for name in named[:SHOWN_MODELS]), *hint]


async def offers(client: SessionClient) -> list[ProviderOffer]:
    """Who could serve the model."""
    return msgspec.convert((await client.session.peer.request("provider.list"))["providers"], list[ProviderOffer])


async def providers(client: SessionClient) -> list[str]:
    """Who could serve the model, the one who does marked, and what each still needs."""
    await client.session.open()
    known = await offers(client)
    width = max((len(offer.name) for offer in known), default=0)
    lines = [f"{_mark(offer.current)} {offer.name:{width}}  {offer.label}{_lacks(offer)}" for offer in known]
    return [*_who_answers(client.session.provider), *lines]


async def select(client: SessionClient, name: str, model: str) -> str:
    """Have another provider answer, in every session of this server. Raises ``InvalidParams``, ``NotPermitted``."""
    await client.session.open()
    chosen = await client.session.peer.request("provider.select", {"name": name, **({"model": model} if model else {})})
    client.session.provider = msgspec.convert(chosen["provider"], ProviderInfo)
    return "\n".join(_who_answers(client.session.provider))


async def mode(client: SessionClient, wanted: str) -> Mode:
    """What agents may do, after what is wanted was set; the server may permit less."""
    await client.session.open()
    if wanted:
        client.session.mode = (await client.session.call("session.set_mode", {"mode": wanted}))["mode"]
    return client.session.mode


def _who_answers(provider: ProviderInfo) -> Iterator[str]:
    yield f"Model: {provider.label}{f': {provider.model}' if provider.model else ''}"
    if provider.demo:
        yield "It is a demo model, which is often wrong."
    if provider.notice:
        yield provider.notice


def _lacks(offer: ProviderOffer) -> str:
    if offer.available or offer.current:
        return ""
    return ": needs a key, which the chat takes" if offer.needs_key and offer.key is None else ": is not running here"


def _mark(is_current: bool) -> str:  # noqa: FBT001 - the only thing it is about
    return "*" if is_current else " "
