"""Every test here may talk to a fake provider."""

from tests.fakes.plugin import fake_provider

__all__ = ["fake_provider"]
