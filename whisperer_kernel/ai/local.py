"""Ollama and LM Studio on this machine: are they there, and which model is the obvious one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import msgspec

from whisperer_kernel.ai.catalogue import parse_models
from whisperer_kernel.ai.http_client import is_loopback, make_client, read_at_most
from whisperer_kernel.errors import ProviderError

PROBE_S = 0.4
LIST_BYTES = 1 << 20
OLLAMA_PORT = 11434


class LocalServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answered, with its models; ``loaded`` are those in memory."""

    name: str
    base_url: str
    models: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()

    @property
    def obvious_model(self) -> str | None:
        """The only model there is, or the only one in memory."""
        for names in (self.loaded, self.models):
            if len(names) == 1:
                return names[0]
        return None


def ollama_url(host: str) -> str:
    """Ollama's address by OLLAMA_HOST, which is kept to only where it leads to this machine.

    >>> ollama_url("127.0.0.1:8080")
    'http://127.0.0.1:8080/v1'
    >>> ollama_url("gpu.example.org")
    'http://localhost:11434/v1'
    """
    address = host if "://" in host else f"http://{host}"
    try:
        parts = urlsplit(address)
        port = parts.port or OLLAMA_PORT
    except ValueError:
        return f"http://localhost:{OLLAMA_PORT}/v1"
    if parts.hostname == "0.0.0.0":  # noqa: S104 - where Ollama listens, which is here too
        return f"http://localhost:{port}/v1"
    if parts.scheme != "http" or not is_loopback(address):
        return f"http://localhost:{OLLAMA_PORT}/v1"
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{name}:{port}/v1"


async def find_local(urls: Mapping[str, str]) -> list[LocalServer]:
    """Those that answer, in the order given; all are asked at once. Takes ``PROBE_S`` at most."""
    servers = await asyncio.gather(*(_probe(name, url) for name, url in urls.items()))
    return [server for server in servers if server is not None]


async def _probe(name: str, base_url: str) -> LocalServer | None:
    try:
        client = await make_client(base_url, {})
        async with client, asyncio.timeout(PROBE_S):
            models = await _names(client, base_url + "/models")
            loaded = await _loaded(client, name, base_url.removesuffix("/v1"))
    except (httpx.HTTPError, httpx.InvalidURL, ProviderError, TimeoutError, OSError):
        return None
    if models is None:
        return None
    return LocalServer(name=name, base_url=base_url, models=models, loaded=loaded)


async def _names(client: httpx.AsyncClient, url: str) -> tuple[str, ...] | None:
    body = await _get(client, url)
    models = None if body is None else parse_models(body)
    # Embedding models are listed too, and cannot chat.
    return None if models is None else tuple(model.id for model in models if "embed" not in model.id.lower())


async def _loaded(client: httpx.AsyncClient, name: str, root: str) -> tuple[str, ...]:
    """The models in memory, by each server's own API."""
    ollama = name == "ollama"
    body = await _get(client, root + ("/api/ps" if ollama else "/api/v0/models"))
    try:
        value = msgspec.json.decode(body or b"")
    except (ValueError, RecursionError):
        return ()
    items = value.get("models" if ollama else "data") if isinstance(value, dict) else None
    found = [item for item in items or () if isinstance(item, dict)]
    names = [
        item.get("name") if ollama else item.get("id") for item in found if ollama or item.get("state") == "loaded"
    ]
    return tuple(model for model in names if isinstance(model, str))


async def _get(client: httpx.AsyncClient, url: str) -> bytes | None:
    async with client.stream("GET", url) as response:
        return await read_at_most(response, LIST_BYTES) if response.is_success else None
