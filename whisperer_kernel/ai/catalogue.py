"""What models a provider lists, and how much fits into each, in the fields that the various servers use."""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.ai.provider import ModelInfo

MAX_BYTES = 16 << 20
"""OpenRouter's list is about 1 MB."""

_LENGTHS = (
    "context_length",  # OpenRouter
    "max_model_len",  # vLLM
    "loaded_context_length",  # LM Studio
    "max_context_length",
    "context_window",  # Groq
    "max_context_window",
)
_NESTED = {"top_provider": ("context_length",), "meta": ("n_ctx", "n_ctx_train")}  # OpenRouter; llama.cpp


def parse_models(body: bytes) -> list[ModelInfo] | None:
    """The models of a ``GET /models`` reply; None where the body is no such list."""
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    listed = value.get("data") if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return None
    return [_model(item) for item in listed if isinstance(item, dict) and isinstance(item.get("id"), str)]


def _model(item: dict[str, Any]) -> ModelInfo:
    name = item.get("name")
    return ModelInfo(id=item["id"], name=name if isinstance(name, str) else None, context_length=_length(item))


def _length(item: dict[str, Any]) -> int | None:
    """The smallest that is stated: a provider may serve less than the model can take."""
    found = [item.get(key) for key in _LENGTHS]
    for key, inner in _NESTED.items():
        part = item.get(key)
        if isinstance(part, dict):
            found.extend(part.get(name) for name in inner)
    return min((value for value in found if type(value) is int and value > 0), default=None)
