"""pytest on the text of a cell: the tests get a namespace of their own, over names that are given.

Used in the kernel by ``%%tests`` and in the isolated process alike, so that what passed there passes here.
"""

from __future__ import annotations

import ast
import builtins
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _pytest.assertion.rewrite import rewrite_asserts

OPTIONS = (
    "-vv",
    "--noconftest",
    "--capture=sys",
    "--tb=short",
    "-pno:cacheprovider",
    "-pno:faulthandler",
    "-pno:junitxml",
    "-pno:doctest",
)
MAX_REASON = 4_000


class CellModule(pytest.Module):
    """A file of tests, executed over the names of ``Plugin.names``.

    They are put where Python looks for built-ins: the tests see them, and pytest does not take the user's own
    ``test_*`` names for tests.
    """

    names: Mapping[str, Any] = {}

    def _getobj(self) -> ModuleType:
        source = self.path.read_bytes()
        try:
            tree = ast.parse(source, filename=str(self.path))
            rewrite_asserts(tree, source, str(self.path), self.config)
            code = compile(tree, str(self.path), "exec", dont_inherit=True)
            module = ModuleType(self.path.stem)
            module.__file__ = str(self.path)
            module.__dict__["__builtins__"] = {**vars(builtins), **self.names}
            exec(code, module.__dict__)  # noqa: S102 - running the cell is what was asked for
        except (Exception, SystemExit) as error:
            raise self.CollectError(_told(error, self.path)) from error
        return module


class Plugin:
    """What pytest is told of cells, and by which it tells of them."""

    def __init__(
        self, names: Mapping[str, Any], told: Callable[[pytest.TestReport | pytest.CollectReport], None]
    ) -> None:
        self._names = names
        self._told = told

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Nothing is printed: the report is ours."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> CellModule:
        """Every file is a cell."""
        module: CellModule = CellModule.from_parent(parent, path=module_path)
        module.names = self._names
        return module

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A cell that could not be executed."""
        if report.failed:
            self._told(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's setup, call or teardown."""
        self._told(report)


def run(folder: Path, files: list[Path], plugins: list[object]) -> int:
    """Pytest on these files of ``folder`` alone; its exit code. Nobody's plugins or settings have a say."""
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    arguments = [*OPTIONS, f"--rootdir={folder}", f"-c{settings}", f"--basetemp={folder / 'tmp'}"]
    with _alone():
        return int(pytest.main([*arguments, *map(str, files)], plugins=plugins))


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test did not pass: the assertion with its diff, or the error, bounded."""
    text = getattr(getattr(report.longrepr, "reprcrash", None), "message", None) or report.longreprtext
    text = str(text).strip()
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}\n[cut: {len(text) - MAX_REASON:,} characters]"


@contextmanager
def _alone() -> Iterator[None]:
    """Plugins that happen to be installed stay out; the environment and the modules are given back as they were."""
    name = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
    before, hooks, path = os.environ.get(name), list(sys.meta_path), list(sys.path)
    os.environ[name] = "1"
    try:
        yield
    finally:
        sys.meta_path[:], sys.path[:] = hooks, path
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _told(error: BaseException, path: Path) -> str:
    """Where in the cell it went wrong, and what."""
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {words}" + (f" (line {line})" if line else "")
