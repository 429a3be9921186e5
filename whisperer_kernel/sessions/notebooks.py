"""By which path a notebook is known: to clients by the one in their server's folder, in the store by its whole one.

Other servers that share the store have folders, and an Untitled.ipynb, too.
"""

from __future__ import annotations

from pathlib import Path


class Notebooks:
    """Those of one server; ``root`` is its folder, None where it has none and every path is kept as it is."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def place_of(self, notebook: str | None) -> str | None:
        """The whole path of what clients call ``notebook``."""
        return notebook if notebook is None or self._root is None else f"{self._root.resolve()}/{notebook.strip('/')}"

    def name_of(self, place: str | None) -> str | None:
        """What this server's clients call it; another server's by its whole path."""
        return place if place is None or self._root is None else place.removeprefix(f"{self._root.resolve()}/")


def moved(path: str | None, old: str, new: str | None) -> str | None:
    """Where ``path`` is after ``old``, a file or a folder, has become ``new``.

    >>> moved("/work/a/n.ipynb", "/work/a", "/work/b")
    '/work/b/n.ipynb'
    """
    if path is None or not f"{path}/".startswith(f"{old}/"):
        return path
    return None if new is None else new + path.removeprefix(old)
