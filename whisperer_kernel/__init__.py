"""Whisperer: three agents that live in a Jupyter notebook."""

from whisperer_kernel.version import __version__

__all__ = ["__version__"]
