"""pytest on the text of a cell: the tests get a namespace of their own, over names that are given.

Used in the kernel by ``%%tests`` and in the isolated process alike, so that what passed there passes here.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _pytest._code.code import ReprEntry
from _pytest.assertion.rewrite import rewrite_asserts

from whisperer_kernel.verify.surroundings import kept

OPTIONS = (
    "-vv",
    "--noconftest",
    # Nothing printed is shown; see ``surroundings``.
    "--capture=no",
    "--tb=short",
    "-pno:cacheprovider",
    "-pno:faulthandler",
    "-pno:junitxml",
    "-pno:doctest",
)
MAX_REASON = 4_000
MAX_TRACED = 50
"""Failures with their lines; those after them are told by their words alone, which takes a fraction of the time."""


class CellModule(pytest.Module):
    """A file of tests, executed over the names of ``Plugin.names``.

    They are put where Python looks for built-ins: the tests see them, and pytest does not take the user's own
    ``test_*`` names for tests.
    """

    names: Mapping[str, Any] = {}

    def _getobj(self) -> ModuleType:
        # As text: a cell has no encoding, whatever its first line says.
        source = self.path.read_bytes()
        try:
            tree = ast.parse(source.decode("utf-8", "surrogatepass"), filename=str(self.path))
            rewrite_asserts(tree, source, str(self.path), self.config)
            code = compile(tree, str(self.path), "exec", dont_inherit=True)
            module = ModuleType(self.path.stem)
            module.__file__ = str(self.path)
            module.__dict__["__builtins__"] = {**vars(builtins), **self.names}
            exec(code, module.__dict__)  # noqa: S102 - running the cell is what was asked for
        except pytest.skip.Exception as skipped:
            # A cell is skipped as a whole where pytest wants a test to say so, as with `importorskip`.
            raise pytest.skip.Exception(skipped.msg or "", allow_module_level=True) from skipped
        except (Exception, SystemExit) as error:
            raise self.CollectError(_told(error, self.path)) from error
        return module


class Plugin:
    """What pytest is told of cells, and by which it tells of them.

    ``exit`` holds the words of ``pytest.exit``, ``is_interrupted`` whether the run was interrupted otherwise.
    """

    def __init__(
        self, names: Mapping[str, Any], told: Callable[[pytest.TestReport | pytest.CollectReport], None]
    ) -> None:
        self._names = names
        self._told = told
        self._failures = 0
        self.exit: str | None = None
        self.is_interrupted = False

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
        """A cell that could not be executed, or is not meant to be."""
        if report.failed or (report.skipped and report.nodeid.endswith(".py")):
            self._told(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's setup, call or teardown."""
        self._failures += report.failed
        self._told(report)

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Of one failure after many the words alone."""
        error = call.excinfo
        if error is None or call.when == "collect" or not isinstance(error.value, Exception):
            return None
        if self._failures < MAX_TRACED:
            return None
        return pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="failed",
            longrepr=error.exconly(),
            when=call.when,
            duration=call.duration,
        )

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A test ended the run, or the person did."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self.exit = f"pytest.exit: {excinfo.value.msg or 'no further words'}; what comes after it was not run"
        else:
            self.is_interrupted = True


def run(folder: Path, files: list[Path], plugin: Plugin) -> None:
    """Pytest on these files of ``folder`` alone. Nobody's settings have a say; what tests change is put back."""
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    arguments = [*OPTIONS, f"--rootdir={folder}", f"-c{settings}", f"--basetemp={folder / 'tmp'}"]
    with kept():
        pytest.main([*arguments, *map(str, files)], plugins=[plugin])


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test did not pass: the assertion with its diff, or the error, bounded."""
    text = getattr(getattr(report.longrepr, "reprcrash", None), "message", None) or report.longreprtext
    text = str(text).strip()
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}\n[cut: {len(text) - MAX_REASON:,} characters]"


def failing_line(report: pytest.TestReport) -> str:
    """The cell's line at which a test failed, with its ``>``; empty where pytest tells none."""
    traceback = getattr(report.longrepr, "reprtraceback", None)
    entries = [entry for entry in getattr(traceback, "reprentries", ()) if isinstance(entry, ReprEntry)]
    file = Path(report.location[0]).name
    own = [entry.lines for entry in entries if entry.reprfileloc and Path(entry.reprfileloc.path).name == file]
    return f"> {own[-1][0].strip()}" if own and own[-1] else ""


def why_skipped(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, or was expected to fail."""
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}".rstrip(": ")
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else reason(report)


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
