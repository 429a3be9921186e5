"""Which system calls are refused behind the wall: those by which C code would reach past it. A seccomp filter.

Namespaces leave holes: a Unix socket is found by its path, whatever the network namespace; a virtual machine's host by
vsock; the user's keys by keyctl. The rest takes away what nobody's tests need and kernels have had faults in.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from whisperer_kernel.verify.isolation import libc

# Architecture -> its number for the filter, and the numbers of the calls (linux/audit.h, asm/unistd.h).
_ARCHITECTURES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41,
            "clone": 56,
            "ptrace": 101,
            "pivot_root": 155,
            "mount": 165,
            "umount2": 166,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "unshare": 272,
            "perf_event_open": 298,
            "setns": 308,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "bpf": 321,
            "userfaultfd": 323,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198,
            "clone": 220,
            "ptrace": 117,
            "pivot_root": 41,
            "mount": 40,
            "umount2": 39,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "unshare": 97,
            "perf_event_open": 241,
            "setns": 268,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "bpf": 280,
            "userfaultfd": 282,
        },
    ),
}
# io_uring_setup, _enter, _register; open_tree, move_mount, fsopen, fsmount; pidfd_getfd; mount_setattr: one number
# everywhere.
_EVERYWHERE = (425, 426, 427, 428, 429, 430, 432, 438, 442)
_CLONE3 = 435
_X32 = 0x40000000
# AF_INET, AF_INET6, AF_NETLINK: all they reach is an empty network.
_FAMILIES = (2, 10, 16)

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse() -> None:
    """From here on, for this process and its children. Does nothing on an architecture that is not known here."""
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in _filter(*known))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc.prctl(libc.PR_SET_SECCOMP, libc.SECCOMP_MODE_FILTER, program)


def _filter(architecture: int, numbers: dict[str, int]) -> list[Instruction]:
    """Each check falls through to the next one where it does not match."""
    refused = [number for name, number in numbers.items() if name not in {"socket", "clone"}]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        _return(errno.EPERM),
        (_LOAD, 0, 0, _NUMBER),
        *_where(_JUMP_AT_LEAST, _X32, errno.EPERM),
        *(step for number in (*refused, *_EVERYWHERE) for step in _where(_JUMP_EQUAL, number, errno.EPERM)),
        # So that the C library falls back on clone, whose flags can be looked at.
        *_where(_JUMP_EQUAL, _CLONE3, errno.ENOSYS),
        (_JUMP_EQUAL, 0, 4, numbers["clone"]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *_where(_JUMP_ANY_BIT, libc.CLONE_NEWUSER, errno.EPERM),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_EQUAL, 0, len(_FAMILIES) + 2, numbers["socket"]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *((_JUMP_EQUAL, len(_FAMILIES) - place, 0, family) for place, family in enumerate(_FAMILIES)),
        _return(errno.EACCES),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _where(jump: int, value: int, number: int) -> tuple[Instruction, Instruction]:
    return (jump, 0, 1, value), _return(number)


def _return(number: int) -> Instruction:
    return _RETURN, 0, 0, _REFUSE | number
