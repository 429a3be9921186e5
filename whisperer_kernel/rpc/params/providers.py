"""Providers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from whisperer_kernel.events import ProviderInfo
from whisperer_kernel.rpc.params.base import ModelName, Text, Wire

Key = Annotated[str, msgspec.Meta(max_length=10_000)]


class SelectProvider(Wire):
    """A provider by its name in ``provider.list``; ``model`` left out: its own default."""

    name: Text
    model: ModelName | None = None


class Selected(Wire):
    """Who answers now."""

    provider: ProviderInfo


class SetKey(Wire):
    """``remember``: in the operating system's keyring, too. An empty key forgets the one there was."""

    name: Text
    key: Key
    remember: bool = False


class TestProvider(Wire):
    """Left out, ``name`` is the provider in use. ``key`` is tried and not taken over."""

    # It only begins like one.
    __test__ = False

    name: Text | None = None
    model: ModelName | None = None
    key: Key = ""
