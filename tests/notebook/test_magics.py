"""``%%tests``: a cell of pytest functions against what is defined in the notebook."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebook.conftest import OpenNotebook
from tests.notebook.kernel import Kernel
from tests.server.process import Server

LOAD = "%load_ext whisperer_kernel\n"
SLUGIFY = "def slugify(text):\n    return '-'.join(text.lower().split())\n"
CELL = """%%tests
import pytest

@pytest.fixture
def words():
    return ["Hello", "World"]

@pytest.mark.parametrize("text", ["", " "])
def test_nothing(text):
    assert slugify(text) == ""

def test_words(words, tmp_path):
    (tmp_path / "a").write_text("x")
    assert slugify(" ".join(words)) == "hello-world"
"""


async def loaded(notebook: OpenNotebook, code: str = SLUGIFY) -> Kernel:
    """A kernel with the magics and this code."""
    kernel = await notebook()
    await kernel.run(LOAD + "import json\n" + code)
    return kernel


async def test_green_then_red_with_a_diff(notebook: OpenNotebook) -> None:
    """The same cell again, after the function was broken, says what was expected and what came."""
    kernel = await loaded(notebook)
    green = await kernel.run(CELL)
    assert green.error == ""
    assert green.shown["text/plain"].splitlines()[0] == "✓ 3 passed"
    await kernel.run(SLUGIFY.replace("'-'", "'_'"))
    red = await kernel.run(CELL)
    assert red.error == ""
    plain = red.shown["text/plain"]
    assert plain.splitlines()[0] == "✗ 2 passed, 1 failed"
    assert '> assert slugify(" ".join(words)) == "hello-world"\n' in plain
    assert "- hello-world" in plain
    assert "+ hello_world" in plain
    assert "<code>test_words</code>" in red.shown["text/html"]


async def test_users_names_are_left_alone(notebook: OpenNotebook) -> None:
    """Neither the cell's names nor results come into the namespace; the user's own ``test_*`` are not run."""
    own = "def test_mine():\n    raise AssertionError('not asked for')\nhelper = 3\nbefore = None\n"
    kernel = await loaded(notebook, SLUGIFY + own)
    state = "set(globals()), dict(os.environ), list(sys.meta_path), list(sys.path)"
    await kernel.run(f"import sys, os\nbefore = ({state})")
    tests = "helper = 4\nx = 5\ndef test_a():\n    assert (helper, x) == (4, 5)\n    assert slugify('A') == 'a'"
    cell = await kernel.run(f"%%tests\n{tests}")
    assert cell.shown["text/plain"] == "✓ 1 passed\n  ✓ test_a: passed"
    names = "[name for name in set(globals()) - before[0] if not name.startswith('_i')]"
    assert await kernel.value(f"print(json.dumps([helper, test_mine.__name__, {names}, Out]))") == [
        3,
        "test_mine",
        [],
        {},
    ]
    same = "dict(os.environ) == before[1], list(sys.meta_path) == before[2], list(sys.path) == before[3]"
    assert await kernel.value(f"print(json.dumps([{same}, 'test_cell' in sys.modules]))") == [True, True, True, False]


async def test_what_tests_change_is_put_back(notebook: OpenNotebook) -> None:
    """The environment, arguments, folder and modules; what they close is theirs, and a setting for pytest is not."""
    kernel = await loaded(notebook, "import os, sys, ast\nos.environ['PYTEST_ADDOPTS'] = '--collect-only'")
    state = "[os.getcwd(), dict(os.environ), sys.argv, sys.modules['ast'] is ast, 'left' in sys.modules]"
    before = await kernel.value(f"print(json.dumps({state}))")
    cell = await kernel.run(
        "%%tests\nimport os, sys\ndef test_a():\n    os.chdir('/'); os.environ['LEFT'] = '1'; del os.environ['HOME']\n"
        "    sys.argv[:] = ['left']; sys.modules['left'] = sys; del sys.modules['ast']\n"
        "def test_b():\n    sys.stdout.close(); sys.stderr.close()\ndef test_c():\n    assert 1 == 2"
    )
    assert cell.shown["text/plain"].startswith("✗ 2 passed, 1 failed")
    assert await kernel.value(f"print(json.dumps({state}))") == before


async def test_report_is_bounded(notebook: OpenNotebook) -> None:
    """Of very many failures the first are shown, and the others counted."""
    kernel = await loaded(notebook)
    cell = await kernel.run(
        "%%tests\nimport pytest\n@pytest.mark.parametrize('n', range(400))\n"
        "def test_a(n): assert ['y' * 900] * 4 == [n]\ndef test_b(): pass"
    )
    plain = cell.shown["text/plain"].splitlines()
    assert (plain[0], plain[-1]) == ("✗ 400 failed, 1 passed", "  Not shown: 300 failed, 1 passed.")
    assert len(cell.shown["text/html"]) < 100_000


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("%%tests --fast\ndef test_a(): pass", "UsageError: %%tests does not know '--fast'. Usage: %%tests [--strict]"),
        ("%%tests\n   ", "UsageError: There are no tests in this cell."),
        ("%%tests --strict\ndef test_a(): assert 1 == 2", "TestsFailed: Tests did not pass: 1 failed."),
        ("%%tests --strict\nx = 1", "TestsFailed: Tests did not pass: no tests."),
    ],
)
async def test_what_cannot_be_done_is_said(notebook: OpenNotebook, cell: str, error: str) -> None:
    """In one line."""
    kernel = await loaded(notebook)
    ran = await kernel.run(cell)
    said = ran.error or ran.printed
    assert said.startswith(error)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("def test_a(:\n    pass", "✗ 1 error\n  ✗ the cell: error\n      SyntaxError: invalid syntax (line 1)"),
        ("import nope", "✗ 1 error\n  ✗ the cell: error\n      ModuleNotFoundError: No module named 'nope' (line 1)"),
        (
            "def test_a():\n    import sys; sys.exit(3)",
            "✗ 1 failed\n  ✗ test_a: failed\n      > import sys; sys.exit(3)\n      SystemExit: 3",
        ),
        ("def test_a():\n    print('<b>')\n    assert slugify('<i>') == ''", "✗ 1 failed"),
        ("import pytest\n@pytest.mark.skip('later')\ndef test_a(): pass", "✓ 1 skipped"),
        ("import pytest\npytest.importorskip('nope')\ndef test_a(): pass", "✓ 1 skipped\n  ✗ the cell: skipped"),
        ("# -*- coding: latin-1 -*-\ndef test_a():\n    assert len('é') == 1", "✓ 1 passed"),
        ("# coding: nonsense\ndef test_a(): pass", "✓ 1 passed"),
        (
            "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('bye')\ndef test_c(): pass",
            "✗ 1 passed, 1 error\n  ✓ test_a: passed\n  ✗ the cell: error\n      pytest.exit: bye; what comes after it",
        ),
    ],
)
async def test_every_end_is_shown(notebook: OpenNotebook, cell: str, plain: str) -> None:
    """Whatever a cell does, there is a report, and nothing of it is markup."""
    kernel = await loaded(notebook)
    ran = await kernel.run(f"%%tests\n{cell}")
    assert ran.error == ""
    assert ran.shown["text/plain"].startswith(plain)
    assert "<i>" not in ran.shown["text/html"]


def test_nbclient_stops_at_a_strict_cell(server: Server) -> None:
    """A notebook that is run as a whole ends there; without ``--strict`` it goes on."""
    assert server.url
    cells = [LOAD + SLUGIFY, CELL, "%%tests --strict\ndef test_a():\n    assert slugify('A b') == 'nothing'"]
    made = [new_code_cell(source) for source in cells]  # type: ignore[no-untyped-call]
    notebook: NotebookNode = new_notebook(cells=made)  # type: ignore[no-untyped-call]
    with pytest.raises(CellExecutionError, match="Tests did not pass: 1 failed"):
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    nbformat.validate(notebook)
    assert "✓ 3 passed" in notebook.cells[1].outputs[0]["data"]["text/plain"]
