"""The documentation's pages: they can be made, and what they refer to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_pages_are_made_without_a_warning(tmp_path: Path) -> None:
    """No reference leads nowhere, and no page is left out of the table of contents."""
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(ROOT / "docs"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert made.returncode == 0, made.stderr
    assert "Three colleagues" in (tmp_path / "index.html").read_text("utf-8")


def test_the_readme_refers_to_what_is_there() -> None:
    """Every relative link of README and CONTRIBUTING leads to a file."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        text = page.read_text("utf-8")
        targets = [part.split(")", 1)[0] for part in text.split("](")[1:]]
        missing = [target for target in targets if "://" not in target and not (ROOT / target.split("#")[0]).exists()]
        assert missing == [], page.name


def test_an_agent_of_ones_own_shows_the_example() -> None:
    """What the page shows of the example is what lies in its folder."""
    page = (ROOT / "docs" / "agent_development.md").read_text("utf-8")
    shown = re.findall(r"`docs/(examples/otto/[^`]+)`:\n\n```\w+\n(.*?)```\n", page, re.DOTALL)
    assert len(shown) == 6
    for name, text in shown:
        assert text == (ROOT / "docs" / name).read_text("utf-8").rstrip() + "\n", name
