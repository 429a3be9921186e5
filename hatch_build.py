"""Puts what lives at the top of the checkout (agents.yaml, prompts/) and the built front end into the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGED = {"agents.yaml": "whisperer_kernel/_packaged/agents.yaml", "prompts": "whisperer_kernel/_packaged/prompts"}
FRONT_END = ("whisperer_kernel/notebook/static/widget.js", "whisperer_kernel/notebook/static/widget.css")


class FrontEndNotBuiltError(Exception):
    """A standard build was asked for before the front end was built."""


class WhispererBuildHook(BuildHookInterface[Any]):
    """Adds files to standard wheels only: in an editable install a copy would grow stale beside the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Check the front end and map the packaged resources, unless the build is editable or an sdist."""
        if self.target_name != "wheel" or version != "standard":
            return
        root = Path(self.root)
        missing = [name for name in (*FRONT_END, *PACKAGED) if not (root / name).exists()]
        if missing:
            message = f"not in the checkout: {', '.join(missing)}. Run `make build`, which builds the front end first."
            raise FrontEndNotBuiltError(message)
        build_data["force_include"].update({str(root / source): target for source, target in PACKAGED.items()})
