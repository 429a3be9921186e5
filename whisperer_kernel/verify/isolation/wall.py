"""The wall around a run, where Linux gives one: namespaces of its own for users, mounts, processes, network and IPC.

Behind it everything is read-only but the run's folder (a file system in memory, which is gone with it), what is secret
is covered, there is no network and no other process, and nobody has a privilege by which to change that. The wall's
first process waits for the one that runs tests; with its end the kernel ends all that is left. Linux alone.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from whisperer_kernel.verify.isolation import libc, syscalls
from whisperer_kernel.verify.isolation.forks import fork
from whisperer_kernel.verify.isolation.messages import Plan

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the run's own, mounted here
SHARED_SIZE = 64 << 20
SPACES = libc.CLONE_NEWNS | libc.CLONE_NEWPID | libc.CLONE_NEWNET | libc.CLONE_NEWIPC | libc.CLONE_NEWUTS
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
NOTHING = "size=64k,mode=755"


def leave() -> None:
    """Leave the namespaces, as the same user: from here on with every privilege over what is new, and none elsewhere.

    The next child is the first of its namespace. The caller has one thread, and ends with its parent. Raises
    ``OSError`` where the system gives none.
    """
    user, group = os.geteuid(), os.getegid()
    libc.unshare(libc.CLONE_NEWUSER | SPACES)
    # Otherwise nobody but root may map a group.
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)


def build(plan: Plan) -> None:
    """What the first child does. Afterwards nothing can be changed any more. Raises ``OSError``."""
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.mount("none", "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    _cover(plan)
    _give_devices()
    libc.mount_setattr("/", libc.MOUNT_ATTR_RDONLY | libc.MOUNT_ATTR_NOSUID)
    _give_room(SHARED_MEMORY, SHARED_SIZE)
    _give_room(plan.folder, plan.limits.space)
    os.chdir(plan.folder)
    libc.drop_capabilities()
    syscalls.refuse()


def guard(work: Callable[[], int]) -> int:
    """Have a child do the work, and wait for its end, as the first process has to: its wait status."""
    # Nobody behind the wall looks into this process.
    libc.prctl(libc.PR_SET_DUMPABLE, 0)
    worker = fork(lambda: _as_any_process(work))
    while True:
        # Those that were left by their parents come here as well.
        ended, status = os.wait()
        if ended == worker:
            return status


def _as_any_process(work: Callable[[], int]) -> int:
    # Else its own entries in /proc would belong to root.
    libc.prctl(libc.PR_SET_DUMPABLE, 1)
    return work()


def _cover(plan: Plan) -> None:
    """Put something empty over what is hidden, and what is needed back: from the root down, so the inner one counts."""
    needed = {path: held for path in (plan.folder, *plan.needed) if (held := _held(path)) is not None}
    hidden = set(_there(plan.hidden)) - needed.keys()
    nothing = os.open("/dev/null", os.O_PATH | os.O_CLOEXEC)
    covered: list[str] = []
    for path in sorted({*needed, *hidden}, key=lambda path: path.count("/")):
        if path in hidden and Path(path).is_dir():
            libc.mount("tmpfs", path, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, NOTHING)
            covered.append(path)
        elif path in hidden and Path(path).exists():
            libc.mount(f"/proc/self/fd/{nothing}", path, None, libc.MS_BIND)
        elif path in needed and any(path.startswith(f"{cover}/") for cover in covered):
            _put_back(path, needed[path])
    for held in (nothing, *needed.values()):
        os.close(held)


def _held(path: str) -> int | None:
    """What is there now, whatever is put over it later."""
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _there(paths: tuple[str, ...]) -> Iterator[str]:
    """Where they really are."""
    for path in paths:
        real = os.path.realpath(path)
        if os.path.lexists(real) and real != "/":
            yield real


def _put_back(path: str, held: int) -> None:
    if stat.S_ISDIR(os.fstat(held).st_mode):
        Path(path).mkdir(parents=True, exist_ok=True)
    else:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    libc.mount(f"/proc/self/fd/{held}", path, None, libc.MS_BIND | libc.MS_REC)


def _give_devices() -> None:
    """Those that anybody may have, and nothing else: a user who is root could write to disks."""
    held = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in DEVICES}
    libc.mount("tmpfs", "/dev", "tmpfs", libc.MS_NOSUID | libc.MS_NOEXEC, NOTHING)
    for path, device in held.items():
        Path(path).touch()
        libc.mount(f"/proc/self/fd/{device}", path, None, libc.MS_BIND)
        os.close(device)
    for name, target in LINKS.items():
        Path("/dev", name).symlink_to(target)
    Path(SHARED_MEMORY).mkdir()


def _give_room(path: str, size: int) -> None:
    libc.mount("tmpfs", path, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, f"size={size},mode=700")
