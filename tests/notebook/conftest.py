"""Servers with scripted replies and kernels that they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tornado.httpclient import HTTPClientError

from tests.fakes.provider import FakeProvider
from tests.notebook.bare_server import BareServer
from tests.notebook.kernel import Kernel, open_notebook, plain_kernel, rest
from tests.notebook.script import SCRIPTED, environment
from tests.server.client import Client
from tests.server.process import Server

Replies = Sequence[Sequence[dict[str, Any]]]


def scripted(folder: Path, replies: Replies, *, tools: bool = True) -> dict[str, str]:
    """The environment in which these replies are given, one after the other, by a model with or without tools."""
    script = folder / "replies.yaml"
    script.write_text(json.dumps({"replies": replies, "tools": tools}))
    return {**SCRIPTED, "WHISPERER_PROVIDER__PARAMETERS": json.dumps({"script": str(script)})}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that repeats what it is asked."""
    with Server(tmp_path_factory.mktemp("server"), environ=SCRIPTED) as running:
        yield running


Serve = Callable[..., BareServer]


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts servers of a test's own; ``replies`` is what their model says, the rest goes to ``BareServer``."""
    with ExitStack() as running:

        def start(
            replies: Replies = (), environ: dict[str, str] | None = None, *, tools: bool = True, **options: Any
        ) -> BareServer:
            folder = tmp_path_factory.mktemp("server")
            script = scripted(folder, replies, tools=tools)
            return running.enter_context(BareServer(folder, environ={**script, **(environ or {})}, **options))

        yield start


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[FakeProvider]:
    """The provider behind every server that asks one."""
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def provider(shared_provider: FakeProvider) -> FakeProvider:
    """A provider that counts what it is asked, with nothing in it from other tests."""
    shared_provider._script.clear()
    shared_provider.requests.clear()
    return shared_provider


@pytest.fixture(scope="session")
def asking_server(shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks the provider."""
    with Server(tmp_path_factory.mktemp("server"), environ=asking(shared_provider)) as running:
        yield running


def asking(provider: FakeProvider) -> dict[str, str]:
    """The environment in which it is asked; patient, so that nothing is asked twice because the machine is busy."""
    return {
        "WHISPERER_PROVIDER__NAME": "",
        "WHISPERER_PROVIDER__PARAMETERS": "{}",
        "WHISPERER_PROVIDER__BASE_URL": provider.url,
        "WHISPERER_PROVIDER__MODEL": "fake-model",
        "WHISPERER_PROVIDER__MAX_RETRIES": "0",
    }


IPYKERNEL = "ipykernel==6.31.0"


@pytest.fixture(scope="session")
def old_ipykernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ipykernel that has no subshells."""
    folder = tmp_path_factory.mktemp("ipykernel")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={folder}", IPYKERNEL]
    subprocess.run(command, check=True, timeout=100)
    return folder


@pytest.fixture(params=["installed", IPYKERNEL])
def ipykernel(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment in which kernels are of this version of ipykernel."""
    if request.param == "installed":
        return {}
    old: Path = request.getfixturevalue("old_ipykernel")
    return {"PYTHONPATH": os.pathsep.join([str(old), str(Path(__file__).parents[2])])}


OpenNotebook = Callable[..., Awaitable[Kernel]]


@pytest.fixture
async def notebook(server: Server) -> AsyncIterator[OpenNotebook]:
    """Opens notebooks; their kernels end with the test: dozens of them are more than a small machine bears."""
    kernels: list[tuple[Server, Kernel]] = []

    async def open_one(on: Server = server, path: str = "", kernel_name: str = "python3") -> Kernel:
        kernel = await open_notebook(on, path or f"{uuid4().hex}.ipynb", kernel_name)
        kernels.append((on, kernel))
        return kernel

    yield open_one
    for on, kernel in kernels:
        kernel.disconnect()
        # A test may have ended the server, and the kernel with it.
        with suppress(OSError, HTTPClientError):
            await rest(on, "DELETE", f"api/kernels/{kernel.id}")


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


StartKernel = Callable[..., Awaitable[Kernel]]


@pytest.fixture
async def start_kernel(tmp_path: Path) -> AsyncIterator[StartKernel]:
    """Starts kernels that no Jupyter server knows; ``replies`` is what is said in them."""
    async with AsyncExitStack() as running:

        async def start(replies: Replies = (), environ: dict[str, str] | None = None) -> Kernel:
            scripts = environment(tmp_path, {**scripted(tmp_path, replies), **(environ or {})})
            _, kernel = await running.enter_async_context(plain_kernel(tmp_path, scripts))
            return kernel

        yield start
