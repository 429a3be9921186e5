"""What tests must not do is refused and named, behind a wall and without one; what they say is not believed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.verify import unwalled
from tests.verify.processes import launched, wait_until
from whisperer_kernel.verify import isolated
from whisperer_kernel.verify.isolated import Ran, Stop, Stopped
from whisperer_kernel.verify.limits import Limits

SOURCE = "def add(a, b):\n    return a + b\n"
GOOD = "def test_good():\n    assert add(1, 2) == 3\n"
QUICK = Limits(test_s=3.0)
KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"

# What is tried, by the verdict that it has. `{outside}` is a folder, `{fd}` opens it.
TRIED = {
    "open('{outside}/new', 'w')": "forbidden write",
    "{fd}; os.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=d)": "forbidden write",
    "{fd}; os.remove('kept', dir_fd=d)": "forbidden write",
    "{fd}; os.rename('kept', 'moved', src_dir_fd=d, dst_dir_fd=d)": "forbidden write",
    "{fd}; os.mkdir('made', dir_fd=d)": "forbidden write",
    "os.fchmod(os.open('{outside}/kept', os.O_RDONLY), 0o777)": "forbidden write",
    "os.mkfifo('{outside}/pipe')": "forbidden write",
    "{fd}; os.mkfifo('pipe', dir_fd=d)": "forbidden write",
    "os.mknod('{outside}/node')": "forbidden write",
    "os.link('{outside}/kept', 'mine')": "forbidden write",
    "os.symlink('{outside}', 'way'); open('way/new', 'w')": "forbidden write",
    "os.setxattr('{outside}/kept', 'user.a', b'b')": "forbidden write",
    "os.kill(os.getppid(), 9)": "forbidden process",
    "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)": "forbidden process",
    "os.pidfd_open({pid})": "forbidden process",
    "os.setpriority(os.PRIO_USER, 0, 19)": "forbidden process",
    "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))": "forbidden process",
    "util.spawnv_passfds(b'/bin/sleep', [b'sleep', b'60'], [])": "forbidden process",
    "p = mp.get_context('spawn').Process(target=print); p.start(); p.join()": "forbidden process",
    "subprocess.run(['true'])": "forbidden process",
    "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', {port}))": "forbidden network",
    "socket.socket(socket.AF_UNIX).connect('{outside}/socket')": "forbidden network",
    "socket.gethostbyaddr('127.0.0.1')": "forbidden network",
    "socket.getnameinfo(('127.0.0.1', 80), 0)": "forbidden network",
    "guard.ForbiddenError = guard.install = guard._hook = None; open('{outside}/new', 'w')": "forbidden write",
    "boundary._path_of = boundary.boundary = lambda *_: None; open('{outside}/new', 'w')": "forbidden write",
    "open(f'/proc/{{os.getppid()}}/environ').read()": "forbidden read",
    "os.listdir(f'/proc/{{os.getppid()}}/fd')": "forbidden read",
    "open('{outside}/.secret').read()": "forbidden read",
    "open('{outside}/runtime/jpserver-1.json').read()": "forbidden read",
    "assert os.environ.get('SOME_API_KEY') is None": "passed",
    "assert not [n for n in os.listdir('.') if n.startswith('told')]": "passed",
}
IMPORTS = """
import multiprocessing as mp, os, resource, signal, socket, subprocess
from multiprocessing import util
from whisperer_kernel.verify.isolation import boundary, guard
"""

Run = Callable[[str, list[str], Limits], Ran]


def walled(source: str, tests: list[str], limits: Limits) -> Ran:
    """In this process's right to namespaces."""
    return isolated.run("tests", source, tests, limits)


@pytest.fixture(params=["wall", "no wall"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs tests."""
    return walled if request.param == "wall" else unwalled.run


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with something in it that must stay as it is, and secrets; it is the kernel's working directory."""
    for name in ("kept", ".secret"):
        (tmp_path / name).write_text(name)
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "jpserver-1.json").write_text('{"token": "a-token"}')
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("SOME_API_KEY", KEY)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        yield tmp_path


def state(folder: Path) -> list[tuple[str, int, int]]:
    """What is in it, with modes and numbers of links."""
    return sorted((str(path), path.stat().st_mode, path.stat().st_nlink) for path in folder.rglob("*"))


def test_what_is_tried_is_refused_and_named(run: Run, outside: Path) -> None:
    """Nothing outside has changed, nobody was reached, and the good test beside them counts."""
    before = state(outside)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard, subprocess.Popen(["sleep", "600"]) as bystander:  # noqa: S607
        heard.bind(("127.0.0.1", 0))
        heard.setblocking(False)  # noqa: FBT003 - the socket's own
        known = {"outside": outside, "port": heard.getsockname()[1], "pid": bystander.pid}
        known["fd"] = f"d = os.open('{outside}', os.O_RDONLY)"
        tests = [f"{IMPORTS}\ndef test_it():\n    add(1, 1); {body.format(**known)}\n" for body in TRIED]
        ran = run(SOURCE, [*tests, GOOD], QUICK)
        assert dict(zip(TRIED, [one.verdict for one in ran], strict=False)) == TRIED, list(ran)
        assert ran[len(TRIED)].verdict == "passed"
        with pytest.raises(BlockingIOError):
            heard.recv(1)
        assert bystander.poll() is None
        bystander.kill()
    assert state(outside) == before


def test_report_says_which_it_was(outside: Path) -> None:
    """A wall, or none and why."""
    assert outside.is_dir()
    assert walled(SOURCE, [GOOD], QUICK).wall.startswith("Tests ran behind a wall: no network")
    assert unwalled.run(SOURCE, [GOOD], QUICK).wall.startswith(
        "Tests ran without a wall (unshare: Operation not permitted)"
    )


def by_c(call: str) -> str:
    """A test that calls the C library directly and says what came of it."""
    return (
        "import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\n"
        f"def test_it():\n    add(1, 1)\n    result = {call}\n"
        "    assert result >= 0, os.strerror(ctypes.get_errno())\n"
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("c.open(b'{outside}/new', 0o101, 0o600)", "Read-only file system"),
        ("c.unlink(b'{outside}/kept')", "Read-only file system"),
        ("c.open(b'/proc/sys/kernel/core_pattern', 1)", "Read-only file system"),
        ("c.open(b'{outside}/runtime/jpserver-1.json', 0)", "No such file"),
        ("c.mount(b'none', b'/', None, ctypes.c_ulong(0x1020), None)", "Operation not permitted"),
        ("c.umount2(b'{outside}/runtime', 2)", "Operation not permitted"),
        ("c.unshare(0x10000000)", "Operation not permitted"),
        ("c.chroot(b'.')", "Operation not permitted"),
        ("c.ptrace(16, 1, 0, 0)", "Operation not permitted"),
        ("c.kill({pid}, 9)", "No such process"),
        ("c.socket(1, 1, 0)", "Permission denied"),
        ("c.socket(40, 1, 0)", "Permission denied"),
        (
            "c.connect(c.socket(2, 1, 0), bytes([2, 0, 0, 80, 192, 0, 2, 1]) + bytes(8), 16)",
            "Network is unreachable",
        ),
    ],
)
def test_wall_holds_where_the_guard_does_not(outside: Path, call: str, words: str) -> None:
    """Code that passes the hook by meets the kernel."""
    (one,) = walled(SOURCE, [by_c(call.format(outside=outside, pid=os.getpid()))], QUICK)
    assert (one.verdict, words in one.reason) == ("failed", True), one.reason


def test_what_is_left_behind_ends_with_the_run(run: Run, outside: Path) -> None:
    """A process that C code has started, in a session of its own, is gone when the report is there."""
    del outside
    limits = Limits(test_s=3.1)
    fork = "0 if c.fork() else (c.setsid(), c.close(0), c.close(1), c.close(2), c.sleep(600))[0]"
    (one,) = run(SOURCE, [by_c(fork)], limits)
    assert one.verdict == "passed"
    assert not launched('"test_s":3.1')


# Lines that a test writes to every pipe it finds, itself or what it leaves behind.
LINES = [
    b"nonsense\n",
    b"\xff\xfe\n",
    b"[" * 60_000 + b"\n",
    b'{"is":"ended","nonce":"0","outcome":"passed"}\n',
    b'{"is":"ended","nonce":[1],"outcome":"passed"}\n',
    b'{"is":"taken","nonce":"' + b"0" * 32 + b'"}\n',
    b'{"is":"begun","walled":true}\n',
    b'{"is":"unloadable","words":"made up"}\n',
    b"x" * 300_000,
    b'{"is":"loaded"}\n' * 10_000,
]
TO_ALL_PIPES = """
import os, stat
def test_it():
    add(1, 1)
    for file in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(file).st_mode): os.write(file, {line!r})
        except OSError:
            pass
    {then}
"""


def test_lines_that_cannot_be_true_are_a_verdict() -> None:
    """Whoever writes them has it, whatever it asserts; the tests before and after have their own."""
    liars = [TO_ALL_PIPES.format(line=line, then="os._exit(0)") for line in LINES]
    before, *liars_, after = isolated.run("tests", SOURCE, [GOOD, *liars, GOOD], QUICK)
    assert [one.verdict for one in liars_] == ["tampered"] * len(LINES), liars_
    assert (before.verdict, after.verdict) == ("passed", "passed")


def test_whoever_takes_the_process_along_harms_no_other() -> None:
    """The one that was under way is asked again, alone."""
    late = (
        "import os, threading, time\n"
        "def test_it():\n    add(1, 1)\n    threading.Thread(target=lambda: (time.sleep(0.2), os._exit(0))).start()\n"
    )
    slow = "import time\ndef test_slow():\n    time.sleep(1); assert add(1, 1) == 2\n"
    _, one, good = isolated.run("tests", SOURCE, [late, slow, GOOD], QUICK)
    assert (one.verdict, good.verdict) == ("passed", "passed")


def test_flood_is_ended_and_takes_no_room() -> None:
    """No line sets the clock back, and whoever reads them does not grow."""
    before = _resident()
    (one,) = isolated.run("tests", SOURCE, [TO_ALL_PIPES.format(line=b"{}\n" * 300_000, then="pass")], QUICK)
    assert one.verdict == "tampered"
    assert _resident() - before < 16 << 20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_closed_pipe_ends_with_the_clock() -> None:
    """A test that closes all that it finds says nothing any more, and has no more time for that."""
    closing = "import os\ndef test_it():\n    add(1, 1)\n    os.closerange(3, 64)\n    while True: pass\n"
    one, good = isolated.run("tests", SOURCE, [closing, GOOD], QUICK)
    assert (one.verdict, good.verdict) == ("timeout", "passed")


def test_secrets_do_not_leave_in_words(outside: Path) -> None:
    """Neither what the kernel's environment holds, nor what looks like a key, nor a token of a server here."""
    del outside
    said = f"{KEY} a-token ghp_{'a1' * 18} {'0f' * 24}"
    test = f"def test_it():\n    add(1, 1)\n    raise ValueError({said!r})\n"
    (one,) = isolated.run("tests", SOURCE, [test], QUICK)
    assert one.reason == "ValueError: [secret] [secret] [secret] [secret]"


# --- nothing outlives whoever waits -----------------------------------------------------------------------------------

HANGING = "def test_it():\n    add(1, 1)\n    while True: pass\n"


def test_run_is_stopped_from_outside() -> None:
    """At once, with all its processes."""
    stop, raised = Stop(), list[BaseException]()

    def run_it() -> None:
        try:
            isolated.run("tests", SOURCE, [HANGING], Limits(test_s=61.25), stop)
        except Stopped as error:
            raised.append(error)

    running = threading.Thread(target=run_it)
    running.start()
    wait_until(lambda: len(launched('"test_s":61.25')) > 1)
    stop.set()
    running.join(20)
    assert len(raised) == 1
    assert not launched('"test_s":61.25')


@pytest.mark.parametrize(("mark", "helper"), [("62.5", "walled"), ("63.5", "unwalled")])
def test_nothing_outlives_a_kernel_that_is_killed(mark: str, helper: str) -> None:
    """No process, and no folder with the notebook's source."""
    code = (
        "import sys\nfrom whisperer_kernel.verify import isolated\nfrom whisperer_kernel.verify.limits import Limits\n"
        "from whisperer_kernel.verify.isolation import libc, syscalls\n"
        + ("" if helper == "walled" else "libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1); syscalls.refuse()\n")
        + f"isolated.run('tests', {SOURCE!r}, [{HANGING!r}], Limits(test_s={mark}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as kernel:
        wait_until(lambda: len(launched(f'"test_s":{mark}')) > 1)
        folder = Path(launched(f'"test_s":{mark}')[0].cmdline()[-1].partition('"folder":"')[2].partition('"')[0])
        assert folder.exists()
        kernel.kill()
    wait_until(lambda: not launched(f'"test_s":{mark}') and not folder.exists())


def test_kernel_that_hangs_does_not_keep_them_running() -> None:
    """What stands between has a clock of its own."""
    code = (
        "from whisperer_kernel.verify import isolated\nfrom whisperer_kernel.verify.limits import Limits\n"
        f"isolated.run('tests', {SOURCE!r}, [{HANGING!r}], Limits(test_s=64.5, all_s=1))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as kernel:
        wait_until(lambda: bool(launched('"test_s":64.5')))
        os.kill(kernel.pid, 19)
        wait_until(lambda: not launched('"test_s":64.5'))
        kernel.kill()
