"""An audit hook that names what a test must not do: write outside its directory, use the network, start processes.

It is detection, not a wall: code that calls the C library directly passes it by. The wall is what the operating system
gives, see ``limits.py``.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Literal

Crossed = Literal["forbidden write", "forbidden network", "forbidden process"]

_PROCESS = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
}
_NETWORK = {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
# Event -> which of its arguments are paths that it changes.
_CHANGES = {
    "os.chflags": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "shutil.rmtree": (0,),
    "sqlite3.connect": (0,),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class ForbiddenError(BaseException):
    """A test did what it must not. No ``Exception``: tests that catch everything must not catch this."""

    def __init__(self, kind: Crossed, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


class Guard:
    """``crossed`` holds what was tried since it was last emptied. ``root`` is the one directory that may be changed."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.crossed: list[ForbiddenError] = []

    def install(self) -> None:
        """From here on for the rest of the process."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._opened(*arguments)
        elif event in _CHANGES:
            for index in _CHANGES[event]:
                self._changed(arguments[index], event)
        elif event in _NETWORK:
            self._network(event, arguments)
        elif event in _PROCESS:
            self._cross("forbidden process", event)

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITING)
        if writes:
            self._changed(path, "open")

    def _changed(self, path: Any, event: str) -> None:
        if isinstance(path, int) or path in (os.devnull, b"/dev/null", ":memory:", ""):
            return
        name = os.path.realpath(os.fsdecode(path))
        if name != self.root and not name.startswith(self.root + os.sep):
            self._cross("forbidden write", f"{event} {name}")

    def _network(self, event: str, arguments: tuple[Any, ...]) -> None:
        # A name is asked for, or a socket is given an address; a path is no network.
        asked = event.startswith("socket.get")
        address = arguments[0] if asked else arguments[1]
        if asked or isinstance(address, tuple):
            self._cross("forbidden network", f"{event} {address!r}"[:200])

    def _cross(self, kind: Crossed, what: str) -> None:
        error = ForbiddenError(kind, what)
        self.crossed.append(error)
        raise error
