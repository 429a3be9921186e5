"""The guard that keeps tests on this machine."""

from __future__ import annotations

import socket

import pytest

from tests import conftest


def test_other_machines_are_out_of_reach() -> None:
    """A connection to another machine fails at once and is counted against the test."""
    with socket.socket() as sock, pytest.raises(OSError, match=r"tests may not connect to 192\.0\.2\.1:80"):
        sock.connect(("192.0.2.1", 80))
    assert conftest._attempts == ["192.0.2.1:80"]
    conftest._attempts.clear()


def test_loopback_is_within_reach() -> None:
    """A server of the test's own can be talked to."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
