"""Packages that bring tools: what of them is left out, and what is said of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.verify.tool import make_tests

HEAD = """
from whisperer_kernel.tools.tool import ToolContext, tool

@tool(effect="read", tags={"prices"})
async def price_of(context: ToolContext, item: str) -> str:
    'A price.'
    return item
"""
READ_FILE = """
@tool(effect="read", tags={"prices"})
async def read_file(context: ToolContext, path: str) -> str:
    'Read it.'
    return path
"""


def install(folder: Path, name: str, source: str) -> None:
    """A module with an entry point whose name comes before ours."""
    (folder / f"{name}.py").write_text(source, "utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[whisperer.tools]\n{name} = {name}:register\n", "utf-8")


def registering(*names: str) -> str:
    """The function that an entry point names."""
    return f"\ndef register(registry):\n    for one in [{', '.join(names)}]:\n        registry.register(one)\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where packages are found."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_name_of_one_of_ours(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Our own tools keep their names; the package loses the one tool and no other."""
    install(folder, "a_greta_prices", HEAD + READ_FILE + registering("read_file", "price_of"))
    registry = ToolRegistry.load()
    words = "a_greta_prices: read_file is the name of one of Whisperer's own tools; choose another."
    assert registry.problems == [words]
    assert [record.getMessage() for record in caplog.records] == [words]
    read_file = registry.get("read_file")
    assert read_file is not None
    assert read_file.tags == {"files"}
    assert registry.get("price_of") is not None
    with pytest.raises(ValueError, match="make_tests is registered already"):
        registry.register(make_tests)


def test_name_of_another_packages(folder: Path) -> None:
    """Who came first, by name, keeps it."""
    for name in ("a_one", "a_two"):
        install(folder, name, HEAD + registering("price_of"))
    assert ToolRegistry.load().problems == ["a_two: price_of is the name of a tool that a_one brings; choose another."]


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("a_reads", HEAD.replace('"read"', '"reads"'), "price_of: effect must be read, edit or run, not 'reads'"),
        ("a_needs", "import no_such_thing", "No module named 'no_such_thing'"),
        ("a_secret", "raise ValueError('sk-secret')", "ValueError; the server's log says where."),
    ],
)
def test_package_that_cannot_be_loaded(
    folder: Path, caplog: pytest.LogCaptureFixture, name: str, source: str, reason: str
) -> None:
    """It is named with the reason, but not with the words of an error that may hold anything; the others are there."""
    install(folder, name, source + registering())
    registry = ToolRegistry.load()
    assert registry.problems == [f"{name}: its tools could not be registered: {reason}"]
    assert registry.get("read_file") is not None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
