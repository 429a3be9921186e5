"""Puts an example package where Python finds it, as an installer would."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

WEATHER = Path(__file__).parent / "weather"


def install(source: Path, folder: Path) -> Path:
    """Install a package or module into ``folder``, which is to be on the path; its entry points are found there."""
    project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]
    package = project["name"].replace("-", "_")
    if (source / package).is_dir():
        shutil.copytree(source / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source / f"{package}.py", folder)
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
