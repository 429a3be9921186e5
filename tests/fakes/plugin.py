"""The fixture ``fake_provider``: a fake provider on a free loopback port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.provider import FakeProvider


@pytest.fixture
def fake_provider() -> Iterator[FakeProvider]:
    """A fake provider that answers until the test ends."""
    with FakeProvider() as fake:
        yield fake
