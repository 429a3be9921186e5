"""The environment that make sets up: an editable install whose extension Jupyter Server finds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_editable_install_switches_the_extension_on() -> None:
    """The server configuration reached this environment, although no wheel was installed."""
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert re.search(r"jupyter_ext \S*enabled", done.stdout + done.stderr)


def test_editable_install_brings_the_kernel() -> None:
    """Jupyter finds it in this environment, as it is in the checkout."""
    installed = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "whisperer"
    checkout = Path(__file__).resolve().parents[2] / "jupyter-config" / "kernels" / "whisperer"
    files = {path.name: path.read_bytes() for path in checkout.iterdir()}
    assert {path.name: path.read_bytes() for path in installed.iterdir()} == files
