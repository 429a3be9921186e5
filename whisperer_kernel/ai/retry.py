"""When a failed request is sent again, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from whisperer_kernel.config import ProviderConfig
from whisperer_kernel.errors import ProviderError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
_OVERLOADED = 529  # Anthropic's, passed on by gateways
# Not 504: a gateway that gave up waiting leaves a model at work behind it, and a second request would be paid for too.
_STATUSES = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    _OVERLOADED,
}


def may_repeat(error: ProviderError, *, sent: bool) -> bool:
    """Whether asking again can neither be paid for twice nor is hopeless. ``sent``: the request was on its way."""
    if error.status is not None:
        return error.status in _STATUSES
    return error.kind in {"timeout_connect", "unavailable"} and not sent


def pause_s(error: ProviderError, attempt: int, settings: ProviderConfig, jitter: Callable[[], float]) -> float | None:
    """Seconds before the attempt after number ``attempt`` (from 1); None where there is to be none.

    A Retry-After is kept to the second; without one the pause doubles, less up to a half by ``jitter`` (0 to 1).
    """
    if attempt > settings.max_retries:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= settings.max_retry_wait_s else None
    return min(FIRST_PAUSE_S * (1 << (attempt - 1)), LONGEST_PAUSE_S) * (1 - jitter() / 2)
