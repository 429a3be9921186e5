"""Models."""

from __future__ import annotations

from whisperer_kernel.ai.provider import ModelInfo
from whisperer_kernel.events import ProviderInfo
from whisperer_kernel.rpc.params.base import ModelName, Text, Wire


class SetModel(Wire):
    """The model to ask from the next turn on."""

    session_id: Text
    model: ModelName


class Model(Wire):
    """The model that is asked."""

    model: str


class ModelList(Wire, omit_defaults=False):
    """What the provider serves, and which model is asked where a session says nothing else."""

    models: list[ModelInfo]
    current: str | None
    provider: ProviderInfo
