"""The notebooks that come along, each run as a whole, as nbclient and CI do it, with scripted replies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebook.conftest import Replies, scripted
from tests.notebook.script import environment

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
PATIENCE_S = 120
Run = Callable[..., Any]

STEP = {"title": "Read it", "what": "Read every line into a row.", "check": "len(rows) == 11"}
PLAN = {"title": "The warmest month", "goal": "Know which month was the warmest.", "steps": [STEP]}
RED, GREEN = "%%tests\ndef test_shares_add_up", "%%tests --strict\ndef test_shares_add_up"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a notebook in an empty folder and gives it back with its outputs; ``replies`` are given in order."""

    def execute(name: str, replies: Replies = ()) -> Any:
        for variable, value in environment(tmp_path, scripted(tmp_path, replies)).items():
            monkeypatch.setenv(variable, value)
        book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
        NotebookClient(book, timeout=PATIENCE_S, resources={"metadata": {"path": str(tmp_path)}}).execute()
        return book

    return execute


def shown(book: Any, text: str, nth: int = 0) -> str:
    """All that the code cell which holds this text has shown: what was printed, and its value as text or markdown."""
    cell = [cell for cell in book.cells if cell.cell_type == "code" and text in cell.source][nth]
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        parts.append(output.get("text") or data.get("text/markdown") or data.get("text/html") or data.get("text/plain"))
    return "\n".join(part for part in parts if part)


@pytest.mark.parametrize("name", ALL)
def test_it_is_clean(name: str) -> None:
    """Nobody's outputs are in it, and it is valid."""
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)


def test_all_five_are_there() -> None:
    """The quick start, which has a test file of its own, and four more."""
    assert ALL == ["automation", "data_analysis", "own_agent", "quickstart", "test_driven"]


def test_an_agent_of_ones_own(run: Run) -> None:
    """She is there, looks with the tools she was given, and her own test passes."""
    looks = [{"tool": "inspect_variable", "arguments": {"name": "orders"}}]
    book = run("own_agent", [looks, [{"text": "Order 3 stands there twice."}]])
    assert "Nora: Looks at data" in shown(book, "nora.agents()")
    assert "**Nora**\n\nOrder 3 stands there twice." in shown(book, "What do you check first")
    history = shown(book, "for message in await nora.history").splitlines()
    assert [line.split()[0] for line in history] == ["user", "tool", "assistant", "after"]
    assert history[-1].endswith("called inspect_variable with {'name': 'orders'}: done")
    assert "1 passed" in shown(book, "tested = subprocess.run")


def test_an_analysis_with_patricia(run: Run) -> None:
    """Her plan is shown, each step with its check; the numbers that the text speaks of come out."""
    made = [[{"tool": "make_plan", "arguments": PLAN}], [{"text": "Begin with the first step."}]]
    book = run("data_analysis", [*made, [{"text": "As Alice sees it."}]])
    assert "# The warmest month" in shown(book, "patricia.plan(")
    assert "check: len(rows) == 11" in shown(book, "made.plan.steps")
    assert "'2026-07': (22.6, 2)" in shown(book, "months = {}")
    assert "As Alice sees it." in shown(book, 'Whisperer("alice")')
    assert "filled by 14.1 °C: 19.8; June: 21.9" in shown(book, "coldest = ")


def test_test_driven_with_tessa(run: Run) -> None:
    """Red, green, what nobody thought of, and red again where the code was broken."""
    book = run("test_driven")
    assert "3 failed" in shown(book, RED)
    assert "3 passed" in shown(book, GREEN)
    edges = shown(book, "for outcome in made.report.outcomes").splitlines()
    assert edges
    assert {line.split()[0] for line in edges} == {"passed"}
    assert "characterisation" in shown(book, "print(made.report.cell)").lower()
    assert "passed" in shown(book, "%%tests --strict\nimport pytest")
    assert "[333, 333, 333] = split_bill(1000, 3)" in shown(book, RED, nth=-1)


def test_without_a_browser(run: Run) -> None:
    """Scripts, many questions at once, a report for a pipeline and a script's exit code."""
    book = run("automation")
    assert "scripted reply" in shown(book, "in three words")
    answers = shown(book, "functions = [")
    assert [name in answers for name in ("median", "initials", "clamp")] == [True] * 3
    assert "'clamp': {'passed':" in shown(book, "reports = {")
    assert "%%tests" in shown(book, 'reports["clamp"].cell')
    assert "exit code 0" in shown(book, "script = ")
