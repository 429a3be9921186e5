"""Servers with scripted replies and kernels that they start."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.notebook.bare_server import BareServer
from tests.notebook.kernel import Kernel, open_notebook
from tests.notebook.script import SCRIPTED
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
