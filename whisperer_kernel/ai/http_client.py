"""The HTTP client of a provider: which certificates, which proxies, and nothing that outlives a request by accident."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from whisperer_kernel.errors import ProviderError

# Servers commonly drop an idle connection after 5 s or more; one that is dropped while a request is on its way fails.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30.0)


def is_loopback(url: str) -> bool:
    """Whether ``url`` leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def make_client(base_url: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    """A client without time-outs (the caller keeps its own), redirects or cookies.

    The environment's proxies and certificates count for other machines only: what listens on loopback is not behind a
    proxy. Raises ``ProviderError`` where they cannot be used.
    """
    # Importing the transport takes some 20 ms and reading the certificates 30 more, too long for an event loop that
    # others stream on.
    return await asyncio.to_thread(_make, base_url, headers)


def _make(base_url: str, headers: Mapping[str, str]) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            # A compressed stream arrives later than its text was written.
            headers={"Accept-Encoding": "identity", **headers},
            verify=_trusted() if base_url.startswith("https:") else _no_tls(),
            trust_env=not is_loopback(base_url),
            timeout=None,  # noqa: S113 - whoever sends a request keeps its time
            limits=_LIMITS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        raise ProviderError(
            "unavailable", "The environment's proxy variables or provider.headers hold something that cannot be used."
        ) from None


@functools.cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=True)


@functools.cache
def _no_tls() -> ssl.SSLContext:
    """A context that trusts nobody, made in no time, for clients that speak plain HTTP alone."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def is_encoded(response: httpx.Response) -> bool:
    """Whether the body was compressed, although that was not asked for: 100 KB of it can become more than fits."""
    return response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}


async def read_at_most(response: httpx.Response, limit: int) -> bytes:
    """The first ``limit`` bytes of the body; nothing of one that would have to be unpacked."""
    body = bytearray()
    if is_encoded(response):
        return b""
    async for piece in response.aiter_raw():
        body += piece
        if len(body) >= limit:
            break
    return bytes(body[:limit])
