"""The few Linux calls that Python does not have (``os.unshare`` came with 3.12), by the forms of Linux's own headers.

Raises ``OSError`` with the call's name, and ``AttributeError`` where the C library lacks it.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
SECCOMP_MODE_FILTER = 2

_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_SIZE_VER0 = 32
# The same number on every architecture that Python is built for.
_SYS_MOUNT_SETATTR = 442
_CAPABILITY_VERSION_3 = 0x20080522

_c = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave namespaces; for a new one of processes the next child is its first."""
    _checked("unshare", _c.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str | Path, kind: str | None, flags: int, options: str = "") -> None:
    """Mount, bind, or change how mounts spread."""
    name = None if kind is None else kind.encode()
    result = _c.mount(
        os.fsencode(source), os.fsencode(target), name, ctypes.c_ulong(flags), options.encode() if options else None
    )
    _checked(f"mount {target}", result)


def mount_setattr(path: str, attributes: int) -> None:
    """Set attributes of a mount and all below it. Since Linux 5.12."""
    asked = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    call = (ctypes.c_long(_SYS_MOUNT_SETATTR), ctypes.c_int(_AT_FDCWD), os.fsencode(path), ctypes.c_uint(_AT_RECURSIVE))
    size = ctypes.c_size_t(_MOUNT_ATTR_SIZE_VER0)
    _checked(f"mount_setattr {path}", _c.syscall(*call, ctypes.byref(asked), size))


def prctl(option: int, value: int, pointer: ctypes.Array[ctypes.c_char] | ctypes.Structure | None = None) -> None:
    """Set something of this process."""
    third = ctypes.c_ulong(0) if pointer is None else ctypes.byref(pointer)
    zero = ctypes.c_ulong(0)
    _checked(f"prctl {option}", _c.prctl(ctypes.c_int(option), ctypes.c_ulong(value), third, zero, zero))


def drop_capabilities() -> None:
    """Have no privilege, and none to gain by executing anything."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(_last_capability() + 1):
        prctl(PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked("capset", _c.capset(header, nothing))


def _last_capability() -> int:
    return int(Path("/proc/sys/kernel/cap_last_cap").read_text("ascii"))


def _checked(call: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
