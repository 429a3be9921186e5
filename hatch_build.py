"""Puts what lives at the top of the checkout (agents.yaml, prompts/) and the built front end into the wheel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGED = {"agents.yaml": "whisperer_kernel/_packaged/agents.yaml", "prompts": "whisperer_kernel/_packaged/prompts"}
LABEXTENSION = "jupyter_ext/labextension"
FRONT_END = (
    "whisperer_kernel/notebook/static/widget.js",
    "whisperer_kernel/notebook/static/widget.css",
    f"{LABEXTENSION}/package.json",
)


class NotBuiltError(Exception):
    """A wheel was asked for before what belongs into it was there."""


class WhispererBuildHook(BuildHookInterface[Any]):
    """Adds files to standard wheels only: in an editable install a copy would grow stale beside the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check that everything is there and map it into the wheel, unless the build is editable or an sdist."""
        if self.target_name != "wheel" or version != "standard":
            return
        root = Path(self.root)
        if missing := [name for name in (*FRONT_END, *PACKAGED) if not (root / name).exists()]:
            message = f"missing for the wheel: {', '.join(missing)}. Run `make build`: it builds the front end first."
            raise NotBuiltError(message)
        build_data["force_include"].update({str(root / source): target for source, target in PACKAGED.items()})
        build_data["shared_data"].update(labextension(root))


def labextension(root: Path) -> dict[str, str]:
    """Where JupyterLab looks for the built plugin: by the name in its package.json."""
    manifest = root / LABEXTENSION / "package.json"
    name = json.loads(manifest.read_text("utf-8"))["name"]
    return {str(manifest.parent): f"share/jupyter/labextensions/{name}"}
