"""Lets JupyterLab in this environment find the plugin as it was last built in the checkout.

An editable install copies such files once; a link shows every later build.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

BUILT = Path(__file__).resolve().parents[1] / "jupyter_ext" / "labextension"


def main() -> None:
    """Make the link, or make it anew; nothing to do where no plugin was built."""
    manifest = BUILT / "package.json"
    if not manifest.is_file():
        return
    link = Path(sys.prefix) / "share/jupyter/labextensions" / json.loads(manifest.read_text("utf-8"))["name"]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(BUILT, target_is_directory=True)


main()
