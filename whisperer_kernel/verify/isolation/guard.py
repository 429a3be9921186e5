"""Names what a test must not do: read secrets, write outside its folder, use the network, start or end processes.

An audit hook, and stand-ins for what Python does without telling it. It is detection, not a wall: code that calls the C
library directly passes it by. What it knows and decides by is in closures, where nothing reaches it by a name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from whisperer_kernel.verify.isolation import standins
from whisperer_kernel.verify.isolation.boundary import Boundary, boundary
from whisperer_kernel.verify.isolation.messages import Crossing, Plan
from whisperer_kernel.verify.isolation.standins import WRITING, Cross

_PROCESS = frozenset(
    {
        "_winapi.CreateProcess",
        "_winapi.TerminateProcess",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.killpg",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.startfile/2",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    }
)
# Event -> which of its arguments is the address; None: whatever it is asked for.
_NETWORK: dict[str, int | None] = {
    "socket.bind": 1,
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": None,
    "socket.gethostbyaddr": None,
    "socket.gethostbyname": None,
    "socket.getnameinfo": None,
    "socket.sethostname": None,
    "syslog.syslog": None,
}
# Event -> (which of its arguments is a path that it changes, which one the directory that it starts from).
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.chflags": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    # What is linked could be written to by its new name.
    "os.link": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.removexattr": ((0, None),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.setxattr": ((0, None),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, 1),),
    "sqlite3.connect": ((0, None),),
}
# Those that change the name itself, not what it leads to.
_NAMES = frozenset({"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "shutil.rmtree"})
_LISTS = frozenset({"os.listdir", "os.scandir"})

Hook = Callable[..., None]


class ForbiddenError(BaseException):
    """A test did what it must not. No ``Exception``: tests that catch everything must not catch this."""


def install(plan: Plan, told: Callable[[Crossing, str], None]) -> None:
    """From here on for the rest of the process. ``told`` hears of each attempt before it is refused."""
    refusal = ForbiddenError

    def cross(kind: Crossing, what: str) -> NoReturn:
        told(kind, what)
        raise refusal(f"{kind}: {what}")

    limits = boundary(plan)
    sys.addaudithook(_hook(limits, cross))
    standins.install(limits, cross)


def _hook(limits: Boundary, cross: Cross) -> Hook:
    opened, changed, connected, resource = (
        _opened(limits, cross),
        _changed(limits, cross),
        _connected(cross),
        _resource(cross),
    )
    changes, network, process, lists, secret = frozenset(_CHANGES), frozenset(_NETWORK), _PROCESS, _LISTS, limits.secret

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            opened(*arguments)
        elif event in changes:
            changed(event, arguments)
        elif event in network:
            connected(event, arguments)
        elif event in process:
            cross("forbidden process", event)
        elif event in lists and arguments[0] is not None and (place := secret(arguments[0], None, True)) is not None:  # noqa: FBT003
            cross("forbidden read", f"{event} {place}")
        elif event == "resource.prlimit":
            resource(*arguments)

    return hook


def _opened(limits: Boundary, cross: Cross) -> Hook:
    writing, (outside, secret) = WRITING, limits

    def opened(path: Any, mode: Any, flags: Any) -> None:
        # A descriptor was opened before, and looked at then.
        if isinstance(path, int):
            return
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & writing)
        if writes and (place := outside(path, None, True)) is not None:  # noqa: FBT003 - links are followed
            cross("forbidden write", f"open {place}")
        if not writes and (place := secret(path, None, True)) is not None:  # noqa: FBT003 - the same
            cross("forbidden read", f"open {place}")

    return opened


def _changed(limits: Boundary, cross: Cross) -> Hook:
    changes, names, outside = dict(_CHANGES), _NAMES, limits.outside

    def changed(event: str, arguments: tuple[Any, ...]) -> None:
        for path, start in changes[event]:
            # Some events came to tell of their directory with a later Python.
            directory = arguments[start] if start is not None and start < len(arguments) else None
            if (place := outside(arguments[path], directory, event not in names)) is not None:
                cross("forbidden write", f"{event} {place}")

    return changed


def _connected(cross: Cross) -> Hook:
    network = dict(_NETWORK)

    def connected(event: str, arguments: tuple[Any, ...]) -> None:
        place = network[event]
        address = arguments if place is None else arguments[place]
        if address is not None:
            cross("forbidden network", f"{event} {address!r}"[:200])

    return connected


def _resource(cross: Cross) -> Hook:
    own_id = os.getpid

    def resource(pid: int, *_: Any) -> None:
        if pid not in {0, own_id()}:
            cross("forbidden process", "resource.prlimit")

    return resource
