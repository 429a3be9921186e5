"""The kernel "Python 3 (Whisperer)": IPython's, with the magics loaded, and cells that begin with ``@alice``."""

from __future__ import annotations

import ast
import re
from typing import Any

from ipykernel.ipkernel import IPythonKernel

from whisperer_kernel.notebook.magics.agents import ASK

_ADDRESS = re.compile(
    r"\s*@(?P<agent>[A-Za-z][\w-]*)[,:]?[ \t]+(?P<options>(?:--\S+[ \t]+)*)(?P<text>[^\s#].*)", re.DOTALL
)


class WhispererKernel(IPythonKernel):
    """Python as it is in any notebook; what is loaded into it is what ``%load_ext whisperer_kernel`` loads."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        if self.shell is not None:
            self.shell.extension_manager.load_extension("whisperer_kernel")
            # The first of all: what comes after it would take a question for Python.
            self.shell.input_transformers_cleanup.insert(0, addressed)


def addressed(lines: list[str]) -> list[str]:
    r"""A cell that begins with an agent's address, as the call that asks her; any other as it is.

    Only what is no Python can be a question, and only with words behind the name in its line: a decorator stays one.

    >>> addressed(["@alice what is x?\n"])
    ["get_ipython().run_cell_magic('ask', 'alice ', 'what is x?\\n')\n"]
    >>> addressed(["@cache\n", "def f(): ...\n"])
    ['@cache\n', 'def f(): ...\n']
    """
    cell = "".join(lines)
    found = _ADDRESS.match(cell)
    if found is None or _is_python(cell):
        return lines
    line = f"{found['agent']} {found['options']}"
    return [f"get_ipython().run_cell_magic({ASK!r}, {line!r}, {found['text']!r})\n"]


def _is_python(cell: str) -> bool:
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
