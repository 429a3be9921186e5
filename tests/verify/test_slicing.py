"""What a function of a notebook needs, as a module of its own."""

from __future__ import annotations

import pytest

from tests.verify.notebook import Notebook
from whisperer_kernel.verify.slicing import NothingToTest, Slice, slice_of

CELLS = (
    """
import re, math as m
from functools import lru_cache
from collections import Counter
LIMIT = 3
RATES = {'a': [1, 2.5]}
PATTERN = re.compile('a+')
""",
    "class Point:\n    def __init__(self, x):\n        self.x = x * LIMIT",
    "@lru_cache\ndef helper(n):\n    return n + LIMIT if PATTERN.match('a') else nowhere",
    """
def area(point, rate=RATES['a'][0]):
    '''Doc.'''
    counted = Counter('aa')
    return m.floor(helper(point.x)) + sum(other(v) for v in counted.values()) * rate

def other(n):
    return n if n < 5 else area(Point(n))
""",
    "unused = 'never'",
    "def outer(k):\n    def inner(x):\n        return x * k\n    return inner\ntriple = outer(3)",
    "double = lambda x: x * 2",
)


@pytest.fixture
def notebook() -> Notebook:
    """All of the cells."""
    return Notebook(*CELLS)


def run(part: Slice, call: str) -> object:
    """What a call gives in the slice alone."""
    names: dict[str, object] = {"__name__": "alone"}
    exec(part.source, names)  # noqa: S102 - the slice is code
    return eval(call, names)  # noqa: S307 - the same


def test_slice_runs_alone(notebook: Notebook) -> None:
    """Definitions, imports and values that are used, and no others; what is not there is named."""
    part = slice_of("area", notebook.names, notebook.cells)
    names = notebook.names
    assert "unused" not in part.source
    assert part.missing == ("nowhere: is not defined",)
    assert part.notes == ("PATTERN is made anew: PATTERN = re.compile('a+')",)
    twin = slice_of("Point", names, notebook.cells)
    assert run(twin, "Point(2).x") == 6
    assert run(part, "area(type('P', (), {'x': 2}))") == eval("area(type('P', (), {'x': 2}))", names)  # noqa: S307


@pytest.mark.parametrize(("target", "call", "result"), [("triple", "triple(5)", 15), ("double", "double(4)", 8)])
def test_closures_and_lambdas(notebook: Notebook, target: str, call: str, result: int) -> None:
    """What a function has from the one around it comes along; a lambda comes by its statement."""
    notebook.execute(f"def uses(x):\n    return {target}(x)")
    part = slice_of("uses", notebook.names, notebook.cells)
    assert run(part, call) == result


def test_definition_in_force_counts(notebook: Notebook) -> None:
    """Not the one that stands in an earlier cell."""
    notebook.execute("def other(n):\n    return -1")
    assert "return -1" in slice_of("area", notebook.names, notebook.cells).source


@pytest.mark.parametrize(
    ("target", "words"),
    [("nowhere", "There is no nowhere in the kernel"), ("LIMIT", "LIMIT is no function or class")],
)
def test_what_cannot_be_tested_is_said(notebook: Notebook, target: str, words: str) -> None:
    """In a sentence."""
    with pytest.raises(NothingToTest, match=words):
        slice_of(target, notebook.names, notebook.cells)
