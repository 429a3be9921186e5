"""Code in markdown: the Python of an answer, and text in a fence that it cannot end."""

from __future__ import annotations

import re

from whisperer_kernel.markdown import blocks
from whisperer_kernel.sessions.export import PYTHON

_RUNS = re.compile(r"`+")


def python_in(text: str) -> list[str]:
    """The blocks of Python: those that say so; where none does, those that name no language."""
    code = [block for block in blocks(text) if block.language is not None and block.text.strip()]
    named = [block.text for block in code if (block.language or "").partition(" ")[0] in PYTHON]
    return named or [block.text for block in code if not block.language]


def fenced(text: str, language: str = "") -> str:
    r"""The text in a fence that is longer than any row of backticks in it.

    >>> fenced("x = 1", "python")
    '```python\nx = 1\n```'
    """
    longest = max((len(run[0]) for run in _RUNS.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
