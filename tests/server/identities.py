"""Users with names, as a Hub has them, and one of them who may do nothing."""

from __future__ import annotations

from jupyter_server.auth import Authorizer, IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import RequestHandler

ARGUMENTS = (
    f"--ServerApp.identity_provider_class={__name__}.ByHeader",
    f"--ServerApp.authorizer_class={__name__}.NotMallory",
)


class ByHeader(IdentityProvider):
    """Takes a request's word for who sent it."""

    # The extension goes by it, as a server without credentials would be open to all.
    auth_enabled = True

    def get_user(self, handler: RequestHandler) -> User | None:
        """The user named in the header."""
        name = handler.request.headers.get("X-Test-User")
        return User(username=name) if name else None


class NotMallory(Authorizer):
    """Everybody may do everything, but Mallory."""

    def is_authorized(self, _handler: JupyterHandler, user: User, _action: str, _resource: str) -> bool:
        """See ``Authorizer``."""
        return user.username != "mallory"
