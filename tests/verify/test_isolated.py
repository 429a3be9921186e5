"""Tests in a process of their own: whatever they do has a name, and stays there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whisperer_kernel.verify import isolated
from whisperer_kernel.verify.isolated import Broken
from whisperer_kernel.verify.limits import Limits

SOURCE = "def add(a, b):\n    return a + b\n"
GOOD = "def test_good():\n    assert add(1, 2) == 3\n"
QUICK = Limits(test_s=2.0)


@pytest.mark.parametrize(
    ("body", "verdict", "reason"),
    [
        ("assert add(1, 2) == 4", "failed", "assert 3 == 4"),
        ("while True: pass", "timeout", "did not end within 2 s"),
        ("while True: add([1] * 100, [2] * 100)", "timeout", "did not end"),
        ("import os; os._exit(0)", "crashed", "exit code 0"),
        ("import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("x = [0] * (10 * 1024**3 // 8)", "memory", "MemoryError"),
        ("open('/tmp/whisperer-outside', 'w')", "forbidden write", "whisperer-outside"),
        ("import os; os.remove('/etc/hostname')", "forbidden write", "/etc/hostname"),
        ("import shutil; shutil.rmtree('/home')", "forbidden write", "/home"),
        ("import os\n    while True: os.fork()", "forbidden process", "os.fork"),
        ("import subprocess; subprocess.run(['true'])", "forbidden process", "subprocess.Popen"),
        ("import os; os.kill(os.getppid(), 9)", "forbidden process", "os.kill"),
        ("import socket; socket.create_connection(('192.0.2.1', 80))", "forbidden network", "192.0.2.1"),
        ("try: open('/etc/passwd', 'a')\n    except BaseException: pass", "forbidden write", "/etc/passwd"),
        ("raise SystemExit(3)", "failed", "SystemExit: 3"),
        ("import sys; sys.stdout.close(); sys.stderr.close()", "passed", ""),
        ("import os; os.closerange(0, 256)", "crashed", "exit code"),
        ("import os; os.close(1); os.close(2); assert add(1, 2) == 4", "failed", "assert 3 == 4"),
        ("open('big', 'wb').write(b'0' * (65 << 20))", "failed", "File too large"),
        ("import pytest; pytest.skip('later')", "skipped", "later"),
    ],
)
def test_verdicts(body: str, verdict: str, reason: str) -> None:
    """Each is named, with its reason, and the test after it has its own."""
    bad, good = isolated.run("tests", SOURCE, [f"def test_bad():\n    {body}\n", GOOD], QUICK)
    assert (bad.verdict, good.verdict) == (verdict, "passed")
    assert reason in bad.reason
    assert not Path("/tmp/whisperer-outside").exists()  # noqa: S108 - it must not be there


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        ("import nope\ndef test_a(): pass", "error"),
        ("def helper(): pass", "error"),
        ("def test_a(no_such_fixture): pass", "error"),
        (
            "def test_a(tmp_path, capsys):\n    (tmp_path / 'a').write_text('b'); open('c', 'w').close(); print(1)",
            "passed",
        ),
        ("from __main__ import add\ndef test_a(): assert add(1, 1) == 2", "passed"),
        ("import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_a(n): assert add(n, 0) == 1", "failed"),
        ("import pytest\n@pytest.mark.xfail\ndef test_a(): assert False", "skipped"),
    ],
)
def test_shapes_of_tests(test: str, verdict: str) -> None:
    """What pytest knows works; what is no test is an error."""
    one, good = isolated.run("tests", SOURCE, [test, GOOD], QUICK)
    assert (one.verdict, good.verdict) == (verdict, "passed")


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.__stdout__.close(); sys.__stderr__.close()",
        "import builtins; builtins.open = None",
        "import os; os.chdir('/')",
        "import threading, time\n    threading.Thread(target=time.sleep, args=(99,)).start()",
    ],
)
def test_spoilt_process_is_not_held_against_the_next(body: str) -> None:
    """A test that passes, and leaves its process in a bad state, costs the one after it nothing."""
    spoiling, good = isolated.run("tests", SOURCE, [f"def test_bad():\n    {body}\n", GOOD], QUICK)
    assert (spoiling.verdict, good.verdict) == ("passed", "passed")


def test_environment_is_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys, a home of its own, and nothing left behind."""
    monkeypatch.setenv("SOME_API_KEY", "secret")
    test = (
        "import os\ndef test_a():\n    assert 'SOME_API_KEY' not in os.environ\n"
        "    assert os.environ['HOME'] == os.getcwd()\n    assert add(1, 1) == 2"
    )
    before = set(os.listdir("/tmp"))  # noqa: S108, PTH208 - where it would be left
    (one,) = isolated.run("tests", SOURCE, [test])
    assert (one.verdict, one.reason) == ("passed", "")
    left = set(os.listdir("/tmp")) - before  # noqa: S108, PTH208 - the same
    assert not [name for name in left if name.startswith("whisperer-")]


def test_code_that_cannot_stand_alone_is_said() -> None:
    """Before any test is run."""
    with pytest.raises(Broken, match="cannot be executed by itself: ModuleNotFoundError: No module named 'nope'"):
        isolated.run("tests", "import nope", [GOOD])
