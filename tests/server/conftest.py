"""A fake provider and a server for all tests that need no other, and connections to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.fakes.provider import FakeProvider
from tests.server.client import Client
from tests.server.process import Server

KEY = "sk-or-test-key-0123456789"


def environment(provider: FakeProvider, **settings: str) -> dict[str, str]:
    """The environment of a server that asks the fake provider; short timeouts, so that no test waits for nothing."""
    return {
        "FAKE_PROVIDER_KEY": KEY,
        "WHISPERER_PROVIDER__BASE_URL": provider.url,
        "WHISPERER_PROVIDER__API_KEY_ENV": "FAKE_PROVIDER_KEY",
        "WHISPERER_PROVIDER__MODEL": "fake-model",
        "WHISPERER_PROVIDER__FIRST_BYTE_TIMEOUT_S": "1.5",
        "WHISPERER_PROVIDER__IDLE_TIMEOUT_S": "1.5",
        "WHISPERER_PROVIDER__MAX_RETRIES": "1",
        "WHISPERER_LIMITS__RESUME_GRACE_S": "5",
        "WHISPERER_LIMITS__MAX_SESSIONS": "1000",
        **{f"WHISPERER_{name}": value for name, value in settings.items()},
    }


@pytest.fixture(scope="session")
def shared_provider() -> Iterator[FakeProvider]:
    """The fake provider behind every server."""
    with FakeProvider() as fake:
        yield fake


@pytest.fixture
def provider(shared_provider: FakeProvider) -> FakeProvider:
    """The fake provider, with nothing in it from other tests."""
    shared_provider._script.clear()
    shared_provider.requests.clear()
    return shared_provider


@pytest.fixture(scope="session")
def server(shared_provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server for tests that leave it as it was."""
    with Server(tmp_path_factory.mktemp("server"), environ=environment(shared_provider)) as running:
        yield running


class Serve(Protocol):
    """Starts a server of the test's own. ``settings`` are variables without WHISPERER_, ``folder`` one to go on in."""

    def __call__(
        self,
        *,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        settings_file: str | None = None,
        work: Path | None = None,
        **settings: str,
    ) -> Server:
        """The server, which listens."""
        ...


@pytest.fixture
def serve(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts servers that end with the test."""
    with ExitStack() as running:

        def start(
            *,
            folder: Path | None = None,
            environ: Mapping[str, str] | None = None,
            arguments: Sequence[str] = (),
            settings_file: str | None = None,
            work: Path | None = None,
            **settings: str,
        ) -> Server:
            own = Server(
                folder or tmp_path_factory.mktemp("server"),
                environ={**environment(provider, **settings), **(environ or {})},
                arguments=arguments,
                settings=settings_file,
                work=work,
            )
            return running.enter_context(own)

        yield start


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Opens connections that end with the test, to the shared server where no other is named."""
    clients: list[Client] = []

    async def open_one(server: Server | None = None, **options: Any) -> Client:
        clients.append(await Client.connect(server or request.getfixturevalue("server"), **options))
        return clients[-1]

    yield open_one
    for client in clients:
        await client.close()


@pytest.fixture
async def client(connect: Connect, server: Server, provider: FakeProvider) -> Client:  # noqa: ARG001 - a clean provider
    """A connection to the shared server."""
    return await connect(server)
