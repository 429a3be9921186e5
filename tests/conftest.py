"""What holds for every test: nothing leaves this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

# Fixtures of a real Jupyter server: jp_serverapp, jp_fetch, jp_ws_fetch.
pytest_plugins = ["pytest_jupyter.jupyter_server"]

_attempts: list[str] = []


class NetworkForbiddenError(OSError):
    """A test tried to reach another machine."""


def _is_local(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host in {"", "localhost"}
    return address.is_loopback or address.is_unspecified


def _forbid_network(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook sees every connection of this process, whatever library makes it."""
    if event not in {"socket.connect", "socket.sendto"}:
        return
    address = args[1]
    # A Unix socket's address is text, and stays on the machine.
    if isinstance(address, tuple) and not _is_local(str(address[0])):
        _attempts.append(f"{address[0]}:{address[1]}")
        raise NetworkForbiddenError(f"tests may not connect to {_attempts[-1]}")


sys.addaudithook(_forbid_network)


@pytest.fixture
async def jp_asyncio_loop() -> asyncio.AbstractEventLoop:
    """The test's own loop: pytest-jupyter would run its server in a second one, where no test could reach it."""
    return asyncio.get_running_loop()


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """Fails a test that tried to reach another machine, also where the code under test swallowed the error."""
    _attempts.clear()
    yield
    assert _attempts == [], f"tried to reach the network: {', '.join(_attempts)}"
