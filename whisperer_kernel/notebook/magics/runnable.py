"""Whether a text could be run in a cell."""

from __future__ import annotations

import ast
import warnings
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

# As a cell may await.
_PARSE = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def is_python(code: str) -> bool:
    """Whether it is Python, with the magics and shell commands that IPython knows."""
    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]  # untyped in IPython
    try:
        with warnings.catch_warnings():
            # An odd escape in a string is for whoever runs it to be warned of.
            warnings.simplefilter("ignore")
            compile(manager.transform_cell(code), "<cell>", "exec", _PARSE)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
