"""Whisperer: three agents that live in a Jupyter notebook."""

__version__ = "0.1.0"
