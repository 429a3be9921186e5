"""Servers with scripted replies and kernels that they start."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jupyter_client.manager import AsyncKernelManager

from tests.notebook.bare_server import BareServer
from tests.notebook.ipykernels import older_ipykernel
from tests.notebook.kernel import Kernel, open_notebook
from tests.notebook.script import SCRIPTED, environment
from tests.server.client import Client
from tests.server.process import Server

Replies = Sequence[Sequence[dict[str, Any]]]


def scripted(folder: Path, replies: Replies) -> dict[str, str]:
    """The environment in which these replies are given, one after the other."""
    script = folder / "replies.yaml"
    script.write_text(json.dumps({"replies": replies}))
    return {**SCRIPTED, "WHISPERER_PROVIDER__PARAMETERS": json.dumps({"script": str(script)})}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that repeats what it is asked."""
    with Server(tmp_path_factory.mktemp("server"), environ=SCRIPTED) as running:
        yield running


Serve = Callable[..., BareServer]


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts servers of a test's own; ``replies`` is what they say, the rest goes to ``BareServer``."""
    with ExitStack() as running:

        def start(replies: Replies = (), environ: dict[str, str] | None = None, **options: Any) -> BareServer:
            folder = tmp_path_factory.mktemp("server")
            return running.enter_context(
                BareServer(folder, environ={**scripted(folder, replies), **(environ or {})}, **options)
            )

        yield start


OpenNotebook = Callable[..., Awaitable[Kernel]]


@pytest.fixture
async def notebook(server: Server) -> AsyncIterator[OpenNotebook]:
    """Opens notebooks; their kernels end with their server."""
    kernels: list[Kernel] = []

    async def open_one(on: Server = server, path: str = "") -> Kernel:
        kernels.append(await open_notebook(on, path or f"{uuid4().hex}.ipynb"))
        return kernels[-1]

    yield open_one
    for kernel in kernels:
        kernel.disconnect()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[Server], Awaitable[Client]]]:
    """Opens the connections that a browser would."""
    clients: list[Client] = []

    async def open_one(server: Server) -> Client:
        clients.append(await Client.connect(server))
        return clients[-1]

    yield open_one
    for client in clients:
        await client.close()


Connect = Callable[[Server], Awaitable[Client]]


class PlainKernel(Kernel):
    """A kernel that somebody else than a Jupyter server started, as VS Code and nbclient do."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        super().__init__(Path(manager.connection_file))
        self._manager = manager

    async def interrupt(self) -> None:
        """Press the stop button."""
        await self._manager.interrupt_kernel()

    async def restart(self) -> None:
        """Start it anew; it listens where it did."""
        self.disconnect()
        await self._manager.restart_kernel()
        await self.connect()

    async def end(self) -> None:
        """End it."""
        self.disconnect()
        await self._manager.shutdown_kernel(now=True)


StartKernel = Callable[..., Awaitable[PlainKernel]]


@pytest.fixture
async def start_kernel(tmp_path: Path) -> AsyncIterator[StartKernel]:
    """Starts kernels that no Jupyter server knows; ``replies`` is what is said in them."""
    kernels: list[PlainKernel] = []

    async def start(replies: Replies = (), environ: dict[str, str] | None = None) -> PlainKernel:
        manager = AsyncKernelManager(
            kernel_name="python3", connection_file=str(tmp_path / f"kernel-plain-{len(kernels)}.json")
        )
        environ = environment(tmp_path, {**scripted(tmp_path, replies), **(environ or {})})
        await manager.start_kernel(env=environ, cwd=str(tmp_path))
        kernels.append(PlainKernel(manager))
        await kernels[-1].connect()
        return kernels[-1]

    yield start
    for kernel in kernels:
        await kernel.end()


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which kernels have no subshells."""
    return older_ipykernel(tmp_path_factory.mktemp("ipykernel"))


@pytest.fixture(params=["installed", "6.31"])
def ipykernel(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment in which kernels are of this version of ipykernel."""
    environ: dict[str, str] = {} if request.param == "installed" else request.getfixturevalue("older")
    return environ


@pytest.fixture
async def plain_kernel(start_kernel: StartKernel) -> PlainKernel:
    """A kernel without a server, in which what is asked is repeated."""
    return await start_kernel()
