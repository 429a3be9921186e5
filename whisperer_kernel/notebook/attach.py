"""Where the Jupyter server of this kernel is, and whether Whisperer runs there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from jupyter_core.paths import jupyter_runtime_dir
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from whisperer_kernel.errors import WhispererError

PROBE_S = 5.0
FORBIDDEN, NOT_FOUND = 403, 404
# "Listens everywhere" is no address to connect to.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "localhost"}  # noqa: S104 - nothing is bound here


class NoServer(WhispererError):
    """There is no Whisperer server for this kernel; the message says why, without a full stop."""


class Server(msgspec.Struct, frozen=True):
    """A Jupyter server: its ``url`` with base URL and closing slash, and its token, which may be empty."""

    url: str
    token: str

    def socket_url(self, page: str, client: str) -> str:
        """The WebSocket's address, with the page or process it comes from, and what it is for (``SocketTransport``)."""
        query = urlencode({"page": page, "client": client})
        return f"ws{self.url.removeprefix('http')}whisperer/ws?{query}"

    def request(self, url: str, timeout_s: float) -> HTTPRequest:
        """A request to this server that carries the token."""
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        return HTTPRequest(
            url,
            headers=headers,
            connect_timeout=timeout_s,
            request_timeout=timeout_s,
            follow_redirects=False,
            # On this very machine a certificate is in somebody else's name: the public host's.
            validate_cert=urlsplit(url).hostname not in {"localhost", "127.0.0.1", "::1"},
        )


async def find_server(environ: Mapping[str, str] = os.environ, runtime_dir: str | None = None) -> Server:
    """The Jupyter server that started this kernel, if Whisperer runs there. Raises ``NoServer``."""
    server = _of_hub(environ) or _of_runtime_file(environ, Path(runtime_dir or jupyter_runtime_dir()))
    await _probe(server)
    return server


def kernel_id() -> str | None:
    """The id by which Jupyter knows this kernel, from its connection file's name; None where this is no kernel."""
    if "ipykernel" not in sys.modules:
        return None
    from ipykernel.connect import get_connection_file  # noqa: PLC0415 - slow to load, and a script does not need it

    try:
        name = Path(get_connection_file()).stem
    except RuntimeError:
        return None
    return name.removeprefix("kernel-") or None


def _of_hub(environ: Mapping[str, str]) -> Server | None:
    token, url = environ.get("JUPYTERHUB_API_TOKEN"), environ.get("JUPYTERHUB_SERVICE_URL")
    return Server(_connectable(url), token) if token and url else None


def _of_runtime_file(environ: Mapping[str, str], runtime_dir: Path) -> Server:
    files = (runtime_dir / f"jpserver-{pid}.json" for pid in _parents(environ))
    info = next((found for file in files if (found := _read(file))), None)
    if info is None:
        raise NoServer("no Jupyter server started this process")
    if info.get("sock"):
        raise NoServer("the Jupyter server listens on a Unix socket")
    return Server(_connectable(info["url"]), info.get("token") or "")


def _parents(environ: Mapping[str, str]) -> Iterator[str]:
    # On Windows the variable holds a handle, not a process id.
    if os.name != "nt" and environ.get("JPY_PARENT_PID", "").isdigit():
        yield environ["JPY_PARENT_PID"]
    yield str(os.getppid())


def _read(file: Path) -> dict[str, Any] | None:
    try:
        info = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return info if isinstance(info, dict) and isinstance(info.get("url"), str) else None


def _connectable(url: str) -> str:
    """The address at which a server that binds to ``url`` can be reached from its own machine.

    >>> _connectable("http://0.0.0.0:8888/base")
    'http://127.0.0.1:8888/base/'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    netloc = LOOPBACK[host] + port if host in LOOPBACK else parts.netloc
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/") + "/", "", ""))


async def _probe(server: Server) -> None:
    """Raises ``NoServer`` unless Whisperer answers."""
    client = AsyncHTTPClient(force_instance=True)
    try:
        await client.fetch(server.request(f"{server.url}whisperer/health", PROBE_S))
    except HTTPClientError as error:
        raise NoServer(_why_not(server.url, error.code)) from error
    except OSError as error:
        raise NoServer(f"{server.url} does not answer") from error
    finally:
        client.close()


def _why_not(url: str, status: int) -> str:
    if status == NOT_FOUND:
        return f"{url} runs without the Whisperer extension"
    if status == FORBIDDEN or 300 <= status < 400:  # noqa: PLR2004 - a redirect leads to the login page
        return f"{url} gives its kernels no token to come in with"
    return f"{url} answered {status}"
