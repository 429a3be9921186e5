"""The environment that make sets up: an editable install whose extension Jupyter Server finds."""

from __future__ import annotations

import re
import subprocess
import sys


def test_editable_install_switches_the_extension_on() -> None:
    """The server configuration reached this environment, although no wheel was installed."""
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert re.search(r"jupyter_ext \S*enabled", done.stdout + done.stderr)
