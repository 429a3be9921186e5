"""The examples of the documentation, run as their reader would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.install import install
from tests.notebook.script import run_script

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
INSERTING = """
from whisperer_kernel import Whisperer
reply = Whisperer(in_process=True, permit=lambda question: "allow_once").ask_sync("Begin, please.")
print(reply.text, [(cell.type, cell.source) for cell in reply.cells])
"""


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml")))
def test_an_example_passes_its_own_test(name: str, tmp_path: Path) -> None:
    """With its package installed, its test runs and passes."""
    site = install(EXAMPLES / name, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-o", "asyncio_mode=auto", str(EXAMPLES / name)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(EXAMPLES.parents[1])])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


async def test_a_scripted_reply_puts_cells_in(tmp_path: Path) -> None:
    """As the page shows it; without a notebook the cells come with the reply."""
    page = (DOCS / "agent_development.md").read_text("utf-8")
    script = tmp_path / "cells.yaml"
    script.write_text(page.split("`cells.yaml`:\n\n```yaml\n")[1].split("```")[0], "utf-8")
    out, err = await run_script(tmp_path, INSERTING, {"WHISPERER_PROVIDER__PARAMETERS": f"{{script: {script}}}"})
    assert "Here is a start. Run it when you like. [('markdown', '## Prices'), ('code', " in out, err
