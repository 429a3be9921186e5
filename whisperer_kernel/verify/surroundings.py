"""What a run of tests finds around it in its process, and leaves as it was."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from types import ModuleType
from typing import Any

# pytest's own, by which somebody's settings would have a say. Plugins that happen to be installed stay out.
SETTINGS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")


@contextmanager
def kept() -> Iterator[None]:
    """Environment, arguments, folder, modules and standard streams are afterwards what they were."""
    environment, arguments, folder, limit = dict(os.environ), list(sys.argv), _folder(), sys.getrecursionlimit()
    hooks, path, modules = list(sys.meta_path), list(sys.path), dict(sys.modules)
    for name in SETTINGS:
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with redirect_stdout(_unheard()), redirect_stderr(_unheard()):
            yield
    finally:
        sys.meta_path[:], sys.path[:], sys.argv[:] = hooks, path, arguments
        sys.setrecursionlimit(limit)
        _restore(environment)
        _restore_modules(modules)
        if folder is not None:
            with suppress(OSError):
                os.chdir(folder)


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - text is enough
    except FileNotFoundError:
        return None


def _restore(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _restore_modules(modules: dict[str, ModuleType]) -> None:
    """What was replaced or taken away is back; what was imported stays, as with any cell, and nothing else does."""
    for name, module in list(sys.modules.items()):
        if name not in modules and not _is_imported(name, module):
            del sys.modules[name]
    for name, module in modules.items():
        if sys.modules.get(name) is not module:
            sys.modules[name] = module


def _is_imported(name: str, module: Any) -> bool:
    if type(module) is not ModuleType:
        return False
    return getattr(vars(module).get("__spec__"), "name", None) == name


def _unheard() -> io.TextIOWrapper:
    return _Unclosable(io.BufferedWriter(_Nowhere()), encoding="utf-8", errors="backslashreplace", write_through=True)


class _Nowhere(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """As if it had been written."""
        return len(data)


class _Unclosable(io.TextIOWrapper):
    """A test that closes the stream it writes to harms nobody."""

    def close(self) -> None:
        """Nothing is closed."""
