"""A plain Python program that no Jupyter server started, or that was told of one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

PATIENCE_S = 30
SCRIPTED = {"WHISPERER_PROVIDER__NAME": "scripted"}


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program all of whose files are in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JPY_", "JUPYTER", "WHISPERER_"))}
    places = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    return {**kept, **places, **SCRIPTED, "PYTHONPATH": str(Path(__file__).parents[2]), **(more or {})}


async def start_script(folder: Path, code: str, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start a program in which every warning is an error."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-c", code),
        env=environment(folder, environ),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run_script(folder: Path, code: str, environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """What a program writes to its output and its errors."""
    process = await start_script(folder, code, environ)
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return out.decode(), err.decode()
