"""The fixtures of the short versions."""

from __future__ import annotations

from tests.server.conftest import connect, provider, serve, shared_provider

__all__ = ["connect", "provider", "serve", "shared_provider"]
