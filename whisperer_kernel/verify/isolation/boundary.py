"""Where a path leads, and whether a run may go there: it changes nothing but its folder, and reads nothing secret.

Everything is in closures, which hold on to what they use: a test that puts something else in the place of a function of
``os`` or of this module changes nothing here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from whisperer_kernel.verify.isolation.messages import Plan

Where = Callable[[Any, int | None, bool], str | None]

_NOWHERE = frozenset({os.devnull, ":memory:", ""})
_OF_PROCESS = re.compile(r"/proc/(\d+)(?:/|$)")
_F_GETPATH = 50
# Not by its own name, for which the type checker would know only one.
PLATFORM = sys.platform


class Boundary(NamedTuple):
    """Each is given a path or descriptor, a descriptor of the directory it starts from, and whether links are followed.

    The answer is where it leads, if a run must not change it (``outside``) or read it (``secret``); else None.
    """

    outside: Where
    secret: Where


def boundary(plan: Plan) -> Boundary:
    """The one of this plan."""
    leads_to = _leading()
    inside = os.path.realpath(plan.folder)
    is_secret = _secrecy(plan, inside)
    is_absolute, separator = os.path.isabs, os.sep

    def outside(path: Any, directory: int | None, follows: bool) -> str | None:  # noqa: FBT001 - called in one place
        name = leads_to(path, directory, follows)
        # A pipe or a piece of memory is nowhere in the file system.
        within = name == inside or name.startswith(inside + separator) or not is_absolute(name)
        return None if within else name

    def secret(path: Any, directory: int | None, follows: bool) -> str | None:  # noqa: FBT001 - called in one place
        name = leads_to(path, directory, follows)
        return name if is_secret(name) else None

    return Boundary(outside, secret)


def _leading() -> Callable[[Any, int | None, bool], str]:
    real, split, join, decoded, path_of = os.path.realpath, os.path.split, os.path.join, os.fsdecode, _path_of

    def leads_to(path: Any, directory: int | None, follows: bool) -> str:  # noqa: FBT001 - called above alone
        if isinstance(path, int):
            return path_of(path)
        name = decoded(path)
        if name in _NOWHERE:
            return ""
        if directory is not None and directory >= 0:
            name = join(path_of(directory), name)
        if follows:
            return real(name)
        parent, own = split(name.rstrip("/") or name)
        return join(real(parent or "."), own)

    return leads_to


def _secrecy(plan: Plan, inside: str) -> Callable[[str], bool]:
    """By the innermost place that is named: what is needed may lie within what is hidden, and the reverse."""
    needed = [f"{path}/" for path in (inside, *plan.needed)]
    hidden = [f"{os.path.realpath(path)}/" for path in plan.hidden]
    harmless = tuple(path for path in needed if not any(other.startswith(path) for other in hidden))
    own_id, process = os.getpid, _OF_PROCESS.match

    def is_secret(name: str) -> bool:
        path = f"{name}/"
        if path.startswith(harmless):
            return False
        if (found := process(path)) is not None:
            return int(found[1]) != own_id()
        innermost = max((len(place) for place in hidden if path.startswith(place)), default=0)
        return innermost > max((len(place) for place in needed if path.startswith(place)), default=0)

    return is_secret


def _path_of(descriptor: int) -> str:
    """Where it is in the file system; something that is no path for a pipe, or memory."""
    if PLATFORM == "linux":
        found = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        return found.removeprefix("/") if found.startswith("/memfd:") else found
    if PLATFORM == "darwin":
        import fcntl  # noqa: PLC0415 - Unix alone has it

        return fcntl.fcntl(descriptor, _F_GETPATH, bytes(1_024)).rstrip(b"\0").decode()
    return ""
