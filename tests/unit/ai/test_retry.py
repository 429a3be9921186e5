"""When a request is sent again, and after how long."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest

from whisperer_kernel.ai.failures import LONGEST_WAIT_S, retry_after_s
from whisperer_kernel.ai.retry import may_repeat, pause_s
from whisperer_kernel.config import ProviderConfig
from whisperer_kernel.errors import ErrorKind, ProviderError

NOW = 1_800_000_000.0
SETTINGS = ProviderConfig(max_retries=3, max_retry_wait_s=30)


def busy(retry_after: float | None = None) -> ProviderError:
    """An error that may be retried."""
    return ProviderError("rate_limited", "busy", status=429, retry_after=retry_after)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        (formatdate(NOW + 12, usegmt=True), 12.0),
        (formatdate(NOW - 12, usegmt=True), 0.0),
        ("9" * 5_000, LONGEST_WAIT_S),
        ("nan", None),
        ("soon", None),
        ("Mon, 99 Foo 2026", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds, a date, or nonsense."""
    assert retry_after_s(value, NOW) == seconds


def test_pauses_grow_and_are_jittered() -> None:
    """Half a second, one, two; less up to a half of it, so that many clients do not come back at once."""
    assert [pause_s(busy(), attempt, SETTINGS, lambda: 0.0) for attempt in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert [pause_s(busy(), attempt, SETTINGS, lambda: 1.0) for attempt in (1, 2, 3)] == [0.25, 0.5, 1.0]
    many = ProviderConfig(max_retries=10)
    assert pause_s(busy(), 10, many, lambda: 0.0) == 8.0


def test_attempts_are_bounded() -> None:
    """After the last one there is no pause, and none is made up by a Retry-After."""
    assert pause_s(busy(1), 4, SETTINGS, lambda: 0.0) is None


def test_retry_after_goes_over_the_pause_up_to_its_bound() -> None:
    """To the second; a longer one ends the turn."""
    assert [pause_s(busy(wait), 1, SETTINGS, lambda: 1.0) for wait in (0.0, 30.0, 30.1)] == [0.0, 30.0, None]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_statuses_that_may_pass(status: int) -> None:
    """The provider says that it did not do it."""
    assert may_repeat(ProviderError("server", "x", status=status), sent=True)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 422, 501, 504, 524])
def test_statuses_that_will_not(status: int) -> None:
    """Hopeless, or possibly paid for."""
    assert not may_repeat(ProviderError("server", "x", status=status), sent=True)


@pytest.mark.parametrize("kind", ["unavailable", "timeout_connect"])
def test_connection_is_tried_again_only_before_the_request_was_sent(kind: ErrorKind) -> None:
    """Afterwards nobody knows what the model did."""
    error = ProviderError(kind, "x")
    assert (may_repeat(error, sent=False), may_repeat(error, sent=True)) == (True, False)


@pytest.mark.parametrize("kind", ["timeout_first_byte", "timeout_idle", "protocol", "stream", "internal"])
def test_everything_else_is_final(kind: ErrorKind) -> None:
    """It would end the same way, or be paid for twice."""
    assert not may_repeat(ProviderError(kind, "x"), sent=True)


def test_longest_wait_is_a_number() -> None:
    """It travels as JSON."""
    assert math.isfinite(LONGEST_WAIT_S)
