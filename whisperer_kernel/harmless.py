"""Text that cannot steer where it is shown, a terminal above all."""

from __future__ import annotations

import re

# What a terminal would obey instead of showing it; and what turns the letters after it around, in a notebook too. The
# marks that a text in Arabic or Hebrew needs stay.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    r"""The text without what moves a terminal's cursor, changes its colours, turns letters around or worse.

    >>> harmless("a\x1b[2Jb\tc\u202e\n")
    'a�[2Jb\tc�\n'
    """
    return _CONTROLS.sub("�", text.replace("\r\n", "\n"))
