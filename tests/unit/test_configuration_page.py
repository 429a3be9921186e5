"""The page about the settings is what the settings say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_made_from_the_settings() -> None:
    """docs/configuration.md is what tools/configuration.py prints."""
    made = subprocess.run(
        [sys.executable, "tools/configuration.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == made
