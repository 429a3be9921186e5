"""Which isolated processes there are, and which folders of theirs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE_S = 30.0


def launched(mark: str) -> list[psutil.Process]:
    """Those of runs whose plan holds this text; forks of theirs look alike."""
    return [process for process in psutil.process_iter() if mark in _command(process)]


def folders(mark: str) -> list[Path]:
    """The folders of these runs that are there."""
    commands = [_command(process) for process in launched(mark)]
    names = [command.partition('"folder":"')[2].partition('"')[0] for command in commands]
    return [folder for name in names if name and (folder := Path(name)).exists()]


def wait_until(holds: Callable[[], bool]) -> None:
    """Until it does. Raises ``TimeoutError``."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def _command(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
        return command[-1] if process.status() != psutil.STATUS_ZOMBIE and "isolation.launcher" in str(command) else ""
    except psutil.Error:
        return ""
