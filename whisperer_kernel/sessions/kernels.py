"""The connections that carry tools out in a kernel's sessions, and which of them do so in a session."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from whisperer_kernel.sessions.session import StatelessInteractiveSession
from whisperer_kernel.sessions.subscribers import Subscriber


class AtKernel(Subscriber, Protocol):
    """A connection that belongs to a kernel: the kernel's own, or its notebook's in a page."""

    owner: str
    kernel_id: str | None


K = TypeVar("K", bound=AtKernel)


class Kernels(Generic[K]):
    """Those that are connected: each kernel's own connection, and one for every page that shows its notebook."""

    def __init__(self) -> None:
        self._connections: list[K] = []

    def came(self, connection: K) -> None:
        """It is there, or says anew what it is."""
        self.gone(connection)
        self._connections.append(connection)

    def gone(self, connection: object) -> None:
        """It is not there any more, if it was."""
        self._connections = [other for other in self._connections if other is not connection]

    def of(self, session: StatelessInteractiveSession) -> list[K]:
        """Who carries tools out in the session, in the order in which they came."""
        return [kernel for kernel in self._connections if self.serves(kernel, session)]

    def serves(self, kernel: AtKernel, session: StatelessInteractiveSession) -> bool:
        """Whether it is the session's; one of no kernel's is that of the kernels whose code is in it."""
        row = session.row
        if row.owner != kernel.owner:
            return False
        if row.kernel_id is not None:
            return row.kernel_id == kernel.kernel_id
        return kernel.kernel_id in {other.kernel_id for other in self._connections if other in session.subscribers}
