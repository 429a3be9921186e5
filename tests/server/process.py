"""A Jupyter server in a process of its own, to be asked over real sockets, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TOKEN = "a-token-for-tests"  # noqa: S105 - it opens nothing but a server that lives as long as a test
START_S = 30.0


class Server:
    """``folder`` is all that it keeps: started again in the same folder it finds its sessions.

    ``work`` is where its notebooks are. ``environ`` is added to the environment, ``arguments`` to the command line,
    ``settings`` is the text of Whisperer's ``config.yaml``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environ: Mapping[str, str] | None = None,
        settings: str | None = None,
        arguments: Sequence[str] = (),
        work: Path | None = None,
    ) -> None:
        self.folder = folder
        self.work = work or folder / "work"
        self.store = folder / "data" / "whisperer" / "sessions.db"
        self._environ = environ or {}
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        for name in ("config", "data", "runtime", "home"):
            (folder / name).mkdir(exist_ok=True)
        self.work.mkdir(exist_ok=True)
        if settings is not None:
            file = folder / "config.yaml"
            file.write_text(settings)
            self._environ = {**self._environ, "WHISPERER_CONFIG": str(file)}

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it has written, at Jupyter's default level."""
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with (self.folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyter_server",
                    "--no-browser",
                    "--allow-root",
                    "--ServerApp.ip=127.0.0.1",
                    "--ServerApp.port=0",
                    f"--ServerApp.root_dir={self.work}",
                    '--ServerApp.jpserver_extensions={"jupyter_ext": True}',
                    *self._arguments,
                ],
                env=self._environment(),
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.port = self._wait_for_port()
        return self

    def terminate(self) -> int:
        """SIGTERM, and its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: it gets no chance to say anything."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def _end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)

    def _environment(self) -> dict[str, str]:
        """Nothing of this machine's Jupyter or Whisperer, and no configuration but the test's own."""
        mine = ("JUPYTER", "WHISPERER_", "OPENROUTER", "OPENAI", "JPY_", "PYTEST")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_TOKEN": TOKEN,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **self._environ,
        }

    def _wait_for_port(self) -> int:
        assert self._process is not None
        info = self.folder / "runtime" / f"jpserver-{self._process.pid}.json"
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if (found := _read(info)) is not None and _listens(int(found["port"])):
                return int(found["port"])
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start:\n{self.log}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _read(path: Path) -> Any:
    """The file's JSON; None where it is not there yet or not whole."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
