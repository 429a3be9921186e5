"""Stand-ins for functions that act without telling an audit hook, or tell it too little."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, NoReturn

from whisperer_kernel.verify.isolation.boundary import Boundary, Where
from whisperer_kernel.verify.isolation.messages import Crossing

Cross = Callable[[Crossing, str], NoReturn]
Function = Callable[..., Any]

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def install(boundary: Boundary, cross: Cross) -> None:
    """In every place where Python's own modules have them."""
    system = (os, sys.modules.get("posix", os))
    _replace(system, "open", _opening(boundary, cross))
    for name in ("mkfifo", "mknod"):
        _replace(system, name, _making(name, boundary.outside, cross))
    for name in ("setpriority", "chroot"):
        _replace(system, name, _refusing(f"os.{name}", cross))
    _replace(system, "pidfd_open", _holding(cross))
    _replace((signal,), "pidfd_send_signal", _refusing("signal.pidfd_send_signal", cross))
    for name in ("fork_exec", "_fork_exec"):
        _replace(_spawning(), name, _refusing("_posixsubprocess.fork_exec", cross))
    _replace((socket.socket,), "__init__", _speaking(cross))


def _opening(boundary: Boundary, cross: Cross) -> Callable[[Function], Function]:
    """The hook is not told in which directory a relative path begins."""

    def standing_in(function: Function) -> Function:
        def open_(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if dir_fd is not None:
                if flags & WRITING and (place := boundary.outside(path, dir_fd, True)) is not None:  # noqa: FBT003
                    cross("forbidden write", f"open {place}")
                if (place := boundary.secret(path, dir_fd, True)) is not None:  # noqa: FBT003 - links are followed
                    cross("forbidden read", f"open {place}")
            opened: int = function(path, flags, mode, dir_fd=dir_fd)
            return opened

        os.supports_dir_fd.add(open_)
        return open_

    return standing_in


def _making(name: str, outside: Where, cross: Cross) -> Callable[[Function], Function]:
    def standing_in(function: Function) -> Function:
        def make(path: Any, *arguments: Any, dir_fd: int | None = None, **named: Any) -> None:
            if (place := outside(path, dir_fd, False)) is not None:  # noqa: FBT003 - links are not followed
                cross("forbidden write", f"os.{name} {place}")
            function(path, *arguments, dir_fd=dir_fd, **named)

        return make

    return standing_in


def _refusing(name: str, cross: Cross) -> Callable[[Function], Function]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        cross("forbidden process", name)

    return lambda _: refuse


def _holding(cross: Cross) -> Callable[[Function], Function]:
    own_id = os.getpid

    def standing_in(function: Function) -> Function:
        def pidfd_open(pid: int, flags: int = 0) -> int:
            # asyncio tries it on its own process.
            if pid != own_id():
                cross("forbidden process", "os.pidfd_open")
            opened: int = function(pid, flags)
            return opened

        return pidfd_open

    return standing_in


def _speaking(cross: Cross) -> Callable[[Function], Function]:
    known = {-1, socket.AF_INET, socket.AF_INET6}

    def standing_in(function: Function) -> Function:
        def made(self: Any, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002 - by these names it is called
            # A pair of sockets, which asyncio needs, is made of descriptors.
            if fileno is None and family not in known:
                cross("forbidden network", f"a socket of family {family!r}")
            function(self, family, type, proto, fileno)

        return made

    return standing_in


def _spawning() -> list[ModuleType]:
    try:
        import _posixsubprocess  # noqa: PLC0415 - Unix alone has it
    except ImportError:
        return []
    return [_posixsubprocess, *([sys.modules["subprocess"]] if "subprocess" in sys.modules else [])]


def _replace(places: Iterable[ModuleType | type], name: str, standing_in: Callable[[Function], Function]) -> None:
    having = [place for place in places if name in vars(place)]
    if having:
        replacement = standing_in(vars(having[0])[name])
        for place in having:
            setattr(place, name, replacement)
