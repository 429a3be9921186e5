"""How Sphinx makes the documentation: `make docs`."""

from __future__ import annotations

from whisperer_kernel.version import __version__

project = "Whisperer"
author = "Whisperer contributors"
release = __version__

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "examples"]

html_theme = "furo"
html_title = f"Whisperer {release}"
# Nothing is loaded from elsewhere, and no link to a source that a copy of these pages would not have.
html_copy_source = False
html_show_sourcelink = False
