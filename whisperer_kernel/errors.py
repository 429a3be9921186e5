"""Every error that Whisperer raises on purpose, and the number each has on the wire.

::

    WhispererError                       -32603
    ├── ConfigError                      a setting is wrong: names file, line and key
    ├── InvalidParams                    -32602
    ├── NoSuchAgent                      -32001
    ├── NoSuchSession                    -32002
    ├── QueueFull                        -32003
    ├── LimitReached                     -32004
    ├── ProviderError                    -32005   (as a turn's end: its ``kind``)
    ├── NotPermitted                     -32006
    ├── StoreError                       -32007
    │   └── LeaseLost                    another server runs the session now
    └── NoSuchItem                       -32008

Third-party exceptions are translated into these at the edge where they arise. ``str(error)`` is a sentence for the
person in front of the screen and never holds a key, a header or a traceback.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from whisperer_kernel.harmless import harmless

ErrorKind = Literal[
    "auth",
    "credit",
    "rate_limited",
    "context_length",
    "bad_request",
    "server",
    "unavailable",
    "timeout_connect",
    "timeout_first_byte",
    "timeout_idle",
    "protocol",
    "stream",
    "limit",
    "internal",
]
"""Why a turn failed, as PROTOCOL.md lists it."""


MAX_CHARS = 600


class WhispererError(Exception):
    """The root. ``code`` is the JSON-RPC error code, ``data`` what a client may act on.

    IPython shows it in one line; in a script it has the traceback that every exception has.
    """

    code: ClassVar[int] = -32603

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.data: dict[str, Any] = data

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this before it makes a traceback, in which our own files would hide the sentence.
        return [one_line(self)]


class ConfigError(WhispererError):
    """A setting, an agent or a prompt is wrong; the message names file, line and key."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="config")


class InvalidParams(WhispererError):
    """A request's parameters are not what its method takes."""

    code = -32602


class NoSuchAgent(WhispererError):
    """No agent has this id."""

    code = -32001


class NoSuchSession(WhispererError):
    """No such session, or it is somebody else's: both get this answer."""

    code = -32002


class QueueFull(WhispererError):
    """The session's turn queue holds ``limits.max_queue`` messages already."""

    code = -32003


class LimitReached(WhispererError):
    """A limit of the configuration is reached; ``data.limit`` names it."""

    code = -32004

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message, limit=limit)


class ProviderError(WhispererError):
    """The provider failed. ``kind`` says how, in the words of PROTOCOL.md.

    ``status`` is the HTTP status where there was one, ``retry_after`` the seconds the provider asked us to wait.
    """

    code = -32005

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, kind=kind)
        self.kind: ErrorKind = kind
        self.status = status
        self.retry_after = retry_after


class NotPermitted(WhispererError):
    """The caller, or the policy, does not allow this."""

    code = -32006


class StoreError(WhispererError):
    """The session store cannot be read or written."""

    code = -32007


class LeaseLost(StoreError):
    """Another server has taken this session over; this one must not write to it any more."""


class NoSuchItem(WhispererError):
    """No such plan, report, permission request or tool call."""

    code = -32008


def one_line(error: BaseException) -> str:
    r"""The error's type and words, which steer no terminal; cut where they are long.

    >>> one_line(WhispererError("It is\nlate."))
    'WhispererError: It is late.'
    """
    words = " ".join(harmless(str(error)).split()) or "stopped"
    cut = words if len(words) <= MAX_CHARS else f"{words[:MAX_CHARS]}…"
    return f"{type(error).__name__}: {cut}"
