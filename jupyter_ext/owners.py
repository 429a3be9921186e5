"""Whose session it is."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider

LOCAL = "local"
STOCK = (IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider)


def owner_of(identity_provider: Any, user: Any) -> str:
    """The name under which this user's sessions are kept.

    With Jupyter's stock token or password everybody who is let in shares the account, and the user name differs with
    every connection: all are one owner. A Hub's or another provider's user name is somebody.
    """
    if type(identity_provider) in STOCK:
        return LOCAL
    name: str = user.username
    return name
