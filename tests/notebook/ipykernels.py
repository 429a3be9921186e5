"""Kernels of another version of ipykernel than the one that is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The last one without subshells, and what it needs beside what is there.
WITHOUT_SUBSHELLS = ("ipykernel==6.31.0", "nest-asyncio==1.6.0")


def older_ipykernel(folder: Path) -> dict[str, str]:
    """Install it into the folder; the environment in which kernels are of that version."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), *WITHOUT_SUBSHELLS], check=True)
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
