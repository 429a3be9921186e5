"""A server that comes back at the address where it was, or that lacks the extension."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.server.process import Server


class BareServer(Server):
    """``extension`` says whether Whisperer is on; started again, it listens on the port that it had."""

    def __init__(self, folder: Path, *, extension: bool = True, **options: Any) -> None:
        super().__init__(folder, **options)
        self._extension = extension

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with (self.folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
                    *(f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
                    f"--ServerApp.root_dir={self.folder / 'work'}",
                    f'--ServerApp.jpserver_extensions={{"jupyter_ext": {self._extension}}}',
                    *self._arguments,
                ],
                env=self._environment(),
                cwd=self.folder / "work",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.port = self._wait_for_port()
        return self
