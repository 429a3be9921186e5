"""A reply's code, split; inputs at the edges, recorded; the words that ask for tests."""

from __future__ import annotations

import pytest

from tests.verify.notebook import Notebook
from whisperer_kernel.verify import boundary
from whisperer_kernel.verify.candidates import split, uses
from whisperer_kernel.verify.intent import commanded, wish_in
from whisperer_kernel.verify.kernelside import characterisation, run_tests
from whisperer_kernel.verify.report import cell_of, counted
from whisperer_kernel.verify.slicing import NothingToTest

REPLY = """```python
%%tests
import pytest

EDGES = ["", " "]

@pytest.mark.parametrize("text", EDGES)
def test_edges(text):
    assert shout(text) == text

def test_broken(:
    pass

class TestMore:
    def test_words(self):
        assert shout("a") == "A"

def test_edges():
    assert helped()

def helped():
    return shout("b") == "B"

def test_nothing():
    assert True
```"""
SHOUT = "def shout(text):\n    return text.upper()"


def test_one_that_does_not_parse_sinks_no_other() -> None:
    """Each test by itself, in order; two of one name are told apart; the rest is what they share."""
    parts = split(REPLY)
    assert [(one.name, one.problem) for one in parts.candidates] == [
        ("test_edges", None),
        ("test_broken", "does not parse: invalid syntax"),
        ("TestMore", None),
        ("test_edges_2", None),
        ("test_nothing", None),
    ]
    assert parts.support.startswith('import pytest\nEDGES = ["", " "]\ndef helped():')


def test_test_of_something_else_does_not_count() -> None:
    """A test has to use its target, by itself or through what it calls."""
    parts = split(REPLY.replace("def test_broken(:\n    pass", ""))
    assert [uses(one, parts.support, "shout") for one in parts.candidates] == [True, True, True, False]


def test_only_what_passed_comes_into_the_cell() -> None:
    """The cell can be run as it is; the outcomes tell of all."""
    notebook = Notebook(SHOUT)
    run = run_tests("shout", REPLY, notebook.names, notebook.cells)
    assert counted(run.outcomes) == "3 passed, 2 error"
    cell = cell_of(run, "model")
    assert cell.startswith("%%tests\n# Tests of shout: 3 of 5 ran and passed before they came here.\n")
    assert "test_nothing" not in cell


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(n: int):\n    if n < 7: raise ValueError\n    return n", ["f(0)", "f(6)", "f(7)", "f(8)"]),
        ("def f(text):\n    return text.lower()", ["f('')", "f('Hello World')"]),
        ("def f(xs, k=3):\n    for x in xs: pass\n    return k", ["f([], 3)", "f([3, 1, 2], 3)"]),
        ("def f(x):\n    '''\n    >>> f(4.5)\n    5\n    '''\n    return round(x)", ["f(4.5)", "f(0.0)"]),
        ("def f(a: 'str | None', *, b: bool = True): return a", ["f(None, b=True)", "f('a', b=False)"]),
    ],
)
def test_inputs_at_the_edges(source: str, expected: list[str]) -> None:
    """By annotation, use, default, literals and examples."""
    function = boundary.function_in(source, "f")
    assert function is not None
    calls = boundary.calls(function)
    assert not set(expected) - set(calls), calls


def test_what_is_recorded() -> None:
    """Values and exceptions raised on purpose; what breaks by chance, or differs each time, is told and left out."""
    notebook = Notebook(
        "import random\ndef half(n: int):\n    if n < 0:\n        raise ValueError('negative')\n"
        "    if n == 10: return random.random()\n    if n == 2: return object()\n    return n / 2"
    )
    run = characterisation("half", notebook.names, notebook.cells)
    assert {one.verdict for one in run.outcomes} == {"passed"}
    cell = cell_of(run, "characterisation")
    assert "record what the code does today, mistakes included" in cell
    assert "assert half(1) == pytest.approx(0.5)" in cell
    assert "with pytest.raises(ValueError):\n        half(-1)" in cell
    *left_out, wall = run.notes
    assert wall.startswith("Tests ran ")
    assert {note.split(": ")[1] for note in left_out} == {
        "its result differs from call to call",
        "its result (object) cannot be written down",
    }


def test_class_has_no_boundary_values() -> None:
    """It is said why there are no tests."""
    notebook = Notebook("class K:\n    def m(self): pass")
    with pytest.raises(NothingToTest, match="K is no plain function"):
        characterisation("K", notebook.names, notebook.cells)


NAMES = ("slugify", "average", "write", "df", "K", "my")
FUNCTIONS = ("slugify", "average", "write", "K")


@pytest.mark.parametrize(
    ("message", "target"),
    [
        ("Write tests for `slugify`", "slugify"),
        ("please test slugify(x) for me", "slugify"),
        ("write tests of average", "average"),
        ("Can you test `df`?", "df"),
        ("Tests of `K.method`, please", "K.method"),
        ("Bitte teste slugify", "slugify"),
        ("write some tests of my code", None),
        ("write some tests of `write`", "write"),
        ("Test my code", None),
        ("Write tests for `other` and for parse_date", None),
    ],
)
def test_target_of_a_message(message: str, target: str | None) -> None:
    """Names that look like code come first; an unusual word means a function of just that name."""
    wish = wish_in(message)
    assert wish is not None
    assert wish.target(NAMES, FUNCTIONS) == target
    assert commanded(message) is None


def test_names_that_look_like_code() -> None:
    """In backticks, called, with an underscore, a hump or a dot; no words, keywords or names of tests."""
    wish = wish_in("Write pytest tests, e.g. test_it, for `a` or b(1), snake_case, camelCase and pd.merge, not `None`.")
    assert wish is not None
    assert wish.code == ("a", "b", "snake_case", "camelCase", "pd.merge")


@pytest.mark.parametrize(
    "message",
    [
        "What is a test?",
        "Explain `slugify`",
        "How do I test slugify?",
        "Which edge cases should tests of a moving average cover?",
        "Hello, why do tests of `slugify` fail?",
        "I wonder how to test `slugify`",
        "The latest contest",
    ],
)
def test_no_tests_are_wished(message: str) -> None:
    """Who asks about tests, or does not speak of them, gets an answer in words."""
    assert wish_in(message) is None
