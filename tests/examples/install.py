"""Puts an example package where Python finds it, as an installer would."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

EXAMPLES = Path(__file__).parent


def install(name: str, folder: Path) -> Path:
    """Install the example ``name`` into ``folder``, which is to be on the path; its entry points are found there."""
    source = EXAMPLES / name
    project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]
    package = project["name"].replace("-", "_")
    shutil.copytree(source / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    info = folder / f"{package}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{point} = {target}" for point, target in points.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder
