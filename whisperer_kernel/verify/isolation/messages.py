"""What the kernel and an isolated process say to each other: one line of JSON each, of a known form and length.

The kernel asks for one item after the other, each under a nonce of its own that nobody knows before. What is told of an
item carries its nonce: so nothing can be told of an item that has not been asked for, nor twice.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from whisperer_kernel.verify.limits import Limits

MAX_LINE = 64 << 10
MAX_TOLD = 256 << 10
"""Bytes: of one line, and of all that is told of one item."""

Kind = Literal["tests", "calls"]
Crossing = Literal["forbidden read", "forbidden write", "forbidden network", "forbidden process"]
Words = Annotated[str, msgspec.Meta(max_length=8_000)]
Nonce = Annotated[str, msgspec.Meta(max_length=64)]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is started with.

    ``folder`` is made by it, is the one place that may be written to, and goes with it. ``hidden`` are paths behind
    which there is something secret, ``needed`` those that the interpreter cannot do without, also where they lie in a
    hidden one.
    """

    folder: str
    hidden: tuple[str, ...]
    needed: tuple[str, ...]
    limits: Limits


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The first line to the process: the code under test, and what its items are."""

    kind: Kind
    source: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A file of tests, or a call whose outcome is to be recorded."""

    nonce: str
    text: str


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is"):
    """A line from the process."""


class Begun(Told, frozen=True, kw_only=True, tag="begun"):
    """The first line, before any code of the notebook or the model: whether there is a wall, else why not."""

    walled: bool
    why: Words = ""


class Loaded(Told, frozen=True, kw_only=True, tag="loaded"):
    """The code under test is there; items may come."""


class Unloadable(Told, frozen=True, kw_only=True, tag="unloadable"):
    """The code under test cannot be executed by itself."""

    words: Words


class Taken(Told, frozen=True, kw_only=True, tag="taken"):
    """The item begins."""

    nonce: Nonce


class Crossed(Told, frozen=True, kw_only=True, tag="crossed"):
    """The item tried what it must not; the first time is told, and the item goes on if it catches the refusal."""

    nonce: Nonce
    kind: Crossing
    what: Words


class Ended(Told, frozen=True, kw_only=True, tag="ended"):
    """A file of tests has ended: the worst that happened in it. ``nothing``: there was no test."""

    nonce: Nonce
    outcome: Literal["passed", "failed", "error", "skipped", "nothing"]
    reason: Words = ""


class Recorded(Told, frozen=True, kw_only=True, tag="recorded"):
    """A call has ended: what it ``returns`` as text that can be compared, what it ``raises``, or why neither counts."""

    nonce: Nonce
    returns: Words | None = None
    raises: Words | None = None
    unstable: Words | None = None
    reason: Words = ""


AnyTold = Begun | Loaded | Unloadable | Taken | Crossed | Ended | Recorded

_told: msgspec.json.Decoder[AnyTold] = msgspec.json.Decoder(AnyTold)


def encoded(message: msgspec.Struct) -> bytes:
    """The line that says it."""
    return msgspec.json.encode(message) + b"\n"


def told(line: bytes) -> AnyTold:
    """What a line of the process says. Raises ``msgspec.MsgspecError`` where it is none of the known forms."""
    return _told.decode(line)
