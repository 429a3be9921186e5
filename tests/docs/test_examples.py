"""The examples of the documentation, run as their reader would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.install import install

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")))
def test_an_example_passes_its_own_test(name: str, tmp_path: Path) -> None:
    """With its package installed, its test runs and passes."""
    site = install(EXAMPLES / name, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-o", "asyncio_mode=auto", str(EXAMPLES / name)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(EXAMPLES.parents[1])])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
