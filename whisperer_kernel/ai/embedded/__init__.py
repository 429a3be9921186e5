"""The built-in model: llama.cpp in a process of its own, so that the first run needs neither a key nor a server."""

from whisperer_kernel.ai.embedded.provider import EmbeddedProvider

__all__ = ["EmbeddedProvider"]
