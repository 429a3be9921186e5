"""What the operating system holds a test process to."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes, seconds and counts. ``test_s`` is wall-clock time of one test, ``all_s`` of all together.

    ``space`` is what all files of a run may take, where it runs behind a wall.
    """

    memory: int = 2 << 30
    file_size: int = 64 << 20
    space: int = 256 << 20
    open_files: int = 256
    processes: int = 64
    test_s: float = 5.0
    start_s: float = 30.0
    all_s: float = 90.0


def apply(limits: Limits, threads: int) -> None:
    """Hold this process to them. Where the system has no such limits (Windows), only time is bounded, from outside.

    ``threads`` is how many the user has already.
    """
    try:
        import resource  # noqa: PLC0415 - Unix alone has it
    except ImportError:
        return
    seconds = int(limits.all_s) + 1
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: limits.open_files,
        # It counts every thread of the user, and does not bind root.
        resource.RLIMIT_NPROC: threads + limits.processes,
    }
    for which, value in wanted.items():
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (bound, bound))
        except (OSError, ValueError):  # pragma: no cover - macOS refuses some
            continue


def threads_of_user() -> int:
    """How many threads the user of this process has, as far as can be seen."""
    if not hasattr(os, "getuid"):
        return 0
    uid, count = os.getuid(), 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid == uid:
                count += sum(1 for _ in (entry / "task").iterdir())
        except OSError:
            continue
    return count
