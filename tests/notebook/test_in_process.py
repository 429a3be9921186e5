"""Where no Whisperer server is to be had, the sessions run in the kernel, and the user is told so."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from tests.notebook.conftest import OpenNotebook, PlainKernel, Serve
from tests.notebook.script import run_script
from tests.server.process import Server

IMPORT = "import json\nfrom whisperer_kernel import Whisperer\nw = Whisperer()\n"
# Of the word "secret".
HASHED = "sha256:00000000:" + sha256(b"secret00000000").hexdigest()
WHERE = 'from whisperer_kernel import Whisperer\nw = Whisperer()\nw.ask_sync("hi")\nprint(w.where)'
ASK = 'print(json.dumps([(await w.ask("hi")).finish_reason, w.where]))'


async def test_kernel_without_a_server(plain_kernel: PlainKernel) -> None:
    """It answers, says where, and says it once."""
    cell = await plain_kernel.run(IMPORT + 'print(w)\nawait w.ask("hi")\nawait w.ask("again")')
    assert cell.shown["text/plain"].endswith("You said: again")
    assert cell.printed.splitlines() == [
        "<Whisperer: not connected yet>",
        "Whisperer runs in process (no Whisperer server: no Jupyter server started this process).",
    ]


async def test_conversation_outlives_its_kernel(plain_kernel: PlainKernel) -> None:
    """A kernel that is restarted goes on with the conversation, which is in the store."""
    code = 'await w.ask("hi")\nprint(json.dumps(len([m for m in await w.history() if m.role == "user"])))'
    assert await plain_kernel.value(IMPORT + code) == 1
    await plain_kernel.restart()
    assert await plain_kernel.value(IMPORT + code) == 2


async def test_server_without_the_extension(serve: Serve, notebook: OpenNotebook) -> None:
    """The address of the server that lacks it is in the sentence."""
    server = serve(extension=False)
    kernel = await notebook(server)
    reason = f"in process (no Whisperer server: {server.url}/ runs without the Whisperer extension)"
    assert await kernel.value(IMPORT + ASK) == ["stop", reason]
    cell = await kernel.run('await Whisperer(in_process=False).ask("hi")')
    assert cell.error.startswith("NoServer: There is no Whisperer server: ")


async def test_server_with_a_password_alone(serve: Serve) -> None:
    """It has no token for its kernels."""
    password = f"--PasswordIdentityProvider.hashed_password={HASHED}"
    server = serve(environ={"JUPYTER_TOKEN": ""}, arguments=[password])
    environ = {"JUPYTER_RUNTIME_DIR": str(server.folder / "runtime"), "JPY_PARENT_PID": str(server.pid)}
    out, _ = await run_script(server.folder / "home", WHERE, environ)
    assert out == f"in process (no Whisperer server: {server.url}/ gives its kernels no token to come in with)\n"


async def test_server_that_is_gone(server: Server, tmp_path: Path) -> None:
    """A runtime file that a crash left behind leads nowhere."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    info = json.loads((server.folder / "runtime" / f"jpserver-{server.pid}.json").read_text())
    (runtime / "jpserver-1.json").write_text(json.dumps({**info, "url": "http://127.0.0.1:9/"}))
    out, _ = await run_script(tmp_path, WHERE, {"JPY_PARENT_PID": "1"})
    assert out == "in process (no Whisperer server: http://127.0.0.1:9/ does not answer)\n"


async def test_script_leaves_nothing_behind(tmp_path: Path) -> None:
    """A program that asks ends by itself, without a word on its errors but where the session runs."""
    code = """
import asyncio, threading, time
from whisperer_kernel import Whisperer
async def main():
    return [str(await Whisperer().ask("one")), str(await Whisperer().ask("two")), len(await Whisperer().history())]
print(asyncio.run(main()))
print(list(Whisperer().stream("three"))[0])
before = threading.active_count()
w = Whisperer()
w.close()
print(w.where, w.ask_sync("four").finish_reason)
"""
    out, err = await run_script(tmp_path, code)
    assert out.splitlines()[-2:] == ["Hello!", "not connected yet stop"]
    assert "5]" in out.splitlines()[0]
    assert set(err.splitlines()) == {
        "Whisperer runs in process (no Whisperer server: no Jupyter server started this process)."
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
async def test_forked_child_has_connections_of_its_own(tmp_path: Path) -> None:
    """Threads do not survive a fork; a child asks all the same."""
    code = """
import os
from whisperer_kernel import Whisperer
w = Whisperer(in_process=True)
w.ask_sync("parent")
if (pid := os.fork()) == 0:
    print(Whisperer(in_process=True, new=True).ask_sync("child").text, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(w.ask_sync("parent again").text)
"""
    script = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + code
    # In memory: SQLite cannot open a file in a child that was forked while its parent wrote to it.
    out, _ = await run_script(tmp_path, script, {"WHISPERER_STORE__URL": "memory://"})
    assert [line.rpartition(": ")[2] for line in out.splitlines()] == ["child", "parent again"]


async def test_wrong_setting_is_named(tmp_path: Path) -> None:
    """What is wrong with the configuration is an error in words, each time."""
    code = """
from whisperer_kernel import Whisperer
for attempt in range(2):
    try:
        Whisperer().ask_sync("hi")
    except Exception as error:
        print(type(error).__name__, error)
"""
    out, _ = await run_script(tmp_path, code, {"WHISPERER_LIMITS__MAX_QUEUE": "many"})
    sentence = "ConfigError environment variable WHISPERER_LIMITS__MAX_QUEUE: Expected `int`, got `str`"
    assert out.splitlines() == [sentence, sentence]


async def test_server_needs_no_notebook_library(tmp_path: Path) -> None:
    """Importing the package loads neither IPython nor a widget; what it offers can be listed."""
    code = """
import sys, whisperer_kernel
assert {"Chat", "Whisperer"} <= set(dir(whisperer_kernel))
print([name for name in ("IPython", "anywidget", "ipykernel") if name in sys.modules])
from whisperer_kernel import Whisperer
print([name for name in ("IPython", "anywidget", "ipykernel") if name in sys.modules])
"""
    assert await run_script(tmp_path, code) == ("[]\n[]\n", "")
