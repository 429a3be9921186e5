"""What the methods' parameters and results have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]

# Not `^[^…]+$`: there `$` would let a line feed at the end pass.
ModelName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^(?![\s\S]*[\u0000-\u001f\u007f-\u009f])")
]

PageSize = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Wire(msgspec.Struct, rename="camel", omit_defaults=True):
    """Named in camel case, as the original AIWhisperer's messages are."""


class Snake(msgspec.Struct, omit_defaults=True):
    """The agent methods, which the original spelled with underscores."""


class NoParams(Wire):
    """Takes nothing."""


class SessionId(Wire):
    """One session."""

    session_id: Text


class OptionalSessionId(Wire):
    """A session; left out, the one this connection last started or resumed."""

    session_id: Text | None = None


class SessionFilter(Wire):
    """One session; left out, all of the caller's."""

    session_id: Text | None = None


class Status(Wire, omit_defaults=False):
    """``status``: sessions 0 starting, 1 active, 2 stopped, 3 error; everything else 0 ok, 1 error."""

    status: int
