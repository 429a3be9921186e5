"""The wheel that users get: what is in it, and that it serves in a clean environment that has no Node."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60
INSTALL_TIMEOUT_S = 600
COLOUR = re.compile(r"\x1b\[\d*m")

ASK_KERNEL = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="whisperer")
def show(message):
    if message["msg_type"] == "stream":
        print(message["content"]["text"].split("  ")[0].strip())
client.execute_interactive("import sys; print(sys.prefix)", output_hook=show, timeout=60)
client.execute_interactive("%whisper help", output_hook=show, timeout=60)
client.stop_channels()
manager.shutdown_kernel(now=True)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALL_TIMEOUT_S)]


@dataclass(frozen=True)
class Server:
    """A running Jupyter server."""

    url: str
    token: str

    def get(self, path: str, token: str) -> httpx.Response:
        """Ask with a token, following no redirect to a login page."""
        return httpx.get(self.url + path, headers={"Authorization": f"token {token}"}, timeout=START_TIMEOUT_S)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the sdist so that both are held complete."""
    out = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)])
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Every file in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run([sys.executable, "-m", "venv", str(folder)])
    constraints = str(ROOT / "constraints" / "python.txt")
    run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--constraint", constraints, str(wheel)])
    return folder


@pytest.fixture(scope="module")
def clean_env(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user who has set nothing up: empty home, and only the new environment's programs on PATH."""
    home = str(tmp_path_factory.mktemp("home"))
    return {"HOME": home, "PATH": str(environment / "bin"), "JUPYTER_RUNTIME_DIR": f"{home}/runtime", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def server(environment: Path, clean_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Jupyter server, started as a user starts it."""
    folder = tmp_path_factory.mktemp("workspace")
    log = folder / "server.log"
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    command = [str(environment / "bin" / "jupyter"), "server", "--no-browser", "--port=0", *as_root]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=clean_env, cwd=folder, stdout=output, stderr=output)
    try:
        yield wait_until_up(process, Path(clean_env["JUPYTER_RUNTIME_DIR"]), log)
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)


def run(command: list[str], env: dict[str, str] | None = None) -> str:
    """A command's output, both streams; a failure shows it."""
    done = subprocess.run(
        command, env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_TIMEOUT_S
    )
    output = done.stdout.decode()
    assert done.returncode == 0, output
    return output


def wait_until_up(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> Server:
    """The server's address and token, once it answers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    facts = runtime / f"jpserver-{process.pid}.json"
    while time.monotonic() < deadline and process.poll() is None:
        if facts.is_file() and (server := answering(facts)):
            return server
        # Nothing tells another process that a server is up but the server itself.
        time.sleep(0.1)
    raise AssertionError(f"the server did not come up:\n{log.read_text()}")


def answering(facts: Path) -> Server | None:
    """The server that a runtime file speaks of, if it takes connections by now."""
    try:
        found: dict[str, Any] = json.loads(facts.read_text("utf-8"))
        server = Server(found["url"], found["token"])
        server.get("api", server.token)
    except (json.JSONDecodeError, httpx.TransportError):
        return None
    return server


@pytest.mark.parametrize(
    "name",
    [
        "whisperer_kernel/_packaged/agents.yaml",
        "whisperer_kernel/notebook/static/widget.js",
        "whisperer_kernel/notebook/static/widget.css",
        "whisperer_kernel/py.typed",
        "jupyter_ext/__init__.py",
        "jupyter_ext/py.typed",
    ],
)
def test_wheel_holds_what_is_needed(names: set[str], name: str) -> None:
    """Agents, front end and type marks are in the wheel."""
    assert name in names


def test_wheel_brings_the_plugin_where_jupyterlab_looks(names: set[str]) -> None:
    """The plugin, as JupyterLab loads it, and nothing of it beside the modules."""
    placed = [name.partition(".data/data/share/jupyter/labextensions/whisperer/")[2] for name in names]
    assert "package.json" in placed
    assert any(name.startswith("static/remoteEntry.") for name in placed)
    assert not any(name.startswith("jupyter_ext/labextension") for name in names)


def test_wheel_brings_the_kernel_where_jupyter_looks(names: set[str]) -> None:
    """Its specification and its logos, each as it is in the checkout."""
    folder = ROOT / "jupyter-config" / "kernels" / "whisperer"
    placed = {name.partition(".data/data/share/jupyter/kernels/whisperer/")[2] for name in names} - {""}
    assert placed == {path.name for path in folder.iterdir()}
    assert placed == {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}


def test_wheel_holds_every_prompt(names: set[str]) -> None:
    """Each prompt of the checkout is in the wheel, and there are some."""
    prompts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "prompts").rglob("*.md")}
    assert prompts
    assert {f"whisperer_kernel/_packaged/{name}" for name in prompts} <= names


def test_wheel_switches_the_extension_on(wheel: Path, names: set[str]) -> None:
    """The server configuration lies where Jupyter Server looks, and enables the extension."""
    (name,) = [name for name in names if name.endswith("data/etc/jupyter/jupyter_server_config.d/whisperer.json")]
    with zipfile.ZipFile(wheel) as archive:
        config = json.loads(archive.read(name))
    assert config == {"ServerApp": {"jpserver_extensions": {"jupyter_ext": True}}}


def test_wheel_holds_no_sources_of_the_front_end(names: set[str]) -> None:
    """What npm installs and TypeScript sources stay at home, and so do tests."""
    strays = [
        name
        for name in names
        if "node_modules" in name or name.endswith((".ts", ".tsx", ".tsbuildinfo")) or name.startswith("tests/")
    ]
    assert strays == []


def test_clean_environment_has_no_node(environment: Path) -> None:
    """Nothing that the wheel requires brings Node."""
    assert not (environment / "bin" / "node").exists()


def test_extension_is_enabled_and_valid(environment: Path, clean_env: dict[str, str]) -> None:
    """Jupyter finds the extension without a configuration step."""
    listing = COLOUR.sub("", run([str(environment / "bin" / "jupyter"), "server", "extension", "list"], clean_env))
    assert "jupyter_ext enabled" in listing
    assert re.search(r"jupyter_ext \S*\s*OK", listing)


def test_kernel_runs_in_the_environment_it_is_in(environment: Path, clean_env: dict[str, str], tmp_path: Path) -> None:
    """Jupyter finds it by its name, and it starts with the magics loaded."""
    script = tmp_path / "ask.py"
    script.write_text(ASK_KERNEL)
    printed = run([str(environment / "bin" / "python"), str(script)], {**clean_env, "PATH": "/usr/bin:/bin"})
    assert printed.splitlines()[-2:] == [str(environment), "%whisper agents"]


def test_health_is_answered_to_whoever_has_the_token(server: Server) -> None:
    """The extension answers over HTTP, and only who is authenticated."""
    assert server.get("whisperer/health", server.token).status_code == httpx.codes.OK
    assert server.get("whisperer/health", "wrong").status_code != httpx.codes.OK


async def test_echo_comes_back_over_the_socket(server: Server) -> None:
    """A JSON-RPC request over the WebSocket gets its answer."""
    address = server.url.replace("http", "ws", 1) + "whisperer/ws"
    request = {"jsonrpc": "2.0", "id": 1, "method": "echo", "params": {"message": "hi"}}
    socket = await websocket_connect(HTTPRequest(address, headers={"Authorization": f"token {server.token}"}))
    try:
        await socket.write_message(json.dumps(request))
        answer = await socket.read_message()
    finally:
        socket.close()
    assert answer is not None
    assert json.loads(answer) == {"jsonrpc": "2.0", "id": 1, "result": "hi"}
