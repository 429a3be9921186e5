"""Text for a terminal that cannot steer it."""

from __future__ import annotations

import re

# What a terminal would obey instead of showing it.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    r"""The text without what moves a terminal's cursor, changes its colours or worse.

    >>> harmless("a\x1b[2Jb\tc\n")
    'a�[2Jb\tc\n'
    """
    return _CONTROLS.sub("�", text.replace("\r\n", "\n"))
