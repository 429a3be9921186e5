"""A keyring in memory, by which the tests stay off the person's own: ``PYTHON_KEYRING_BACKEND`` names it."""

from __future__ import annotations

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class MemoryKeyring(KeyringBackend):
    """Keeps what it is given for as long as the process lives."""

    # The base class computes it for each class.
    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """See ``keyring.get_password``."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """See ``keyring.set_password``."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """See ``keyring.delete_password``."""
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("There is no such password.")
