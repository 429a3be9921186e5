"""What a session store can do. Every store keeps the same two things: a row about each session, and its log."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import msgspec

RUNNER_DEAD_AFTER_S = 3.5
"""A runner that has not given a sign of life for this long has lost its sessions. With a beat a second, three may be
late; PROTOCOL.md allows five seconds until somebody takes over."""


def now() -> str:
    """This moment, ISO 8601 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_runner() -> str:
    """A name for this process that no other ever had, and by which a peer on this machine sees whether it lives."""
    return f"{platform.node()}:{os.getpid()}:{uuid4().hex}"


def is_gone(runner: str) -> bool:
    """Whether the runner's process is known not to exist any more. Only a peer on its machine can tell."""
    host, pid, _ = runner.rsplit(":", 2)
    if os.name != "posix" or host != platform.node():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class SessionRow(msgspec.Struct, kw_only=True):
    """What is known of a session without reading its log. Times are ISO 8601 in UTC.

    ``last_seq`` is the last event that is durable, ``reserved`` the last number that may have been sent to anybody;
    they differ while the session runs and after a crash.
    """

    id: str
    owner: str
    created: str
    updated: str
    title: str = ""
    notebook: str | None = None
    """The file's whole path on this machine, as several servers with folders of their own may share the store."""
    kernel_id: str | None = None
    agent: str = ""
    status: int = 0
    last_seq: int = 0
    reserved: int = 0


class LogRow(msgspec.Struct, frozen=True):
    """One row of a log. ``seq`` is the number of the (last) event in it, ``payload`` its JSON."""

    seq: int
    type: str
    ts: str
    payload: bytes


class SessionChanges(msgspec.Struct, kw_only=True, frozen=True):
    """What an append changes in the session's row; None leaves a column as it is."""

    reserved: int | None = None
    title: str | None = None
    notebook: str | None = None
    kernel_id: str | None = None
    agent: str | None = None
    status: int | None = None


class Page(msgspec.Struct, frozen=True):
    """Some sessions, newest first, and where to go on."""

    sessions: list[SessionRow]
    next_cursor: str | None = None


class Store(Protocol):
    """Sessions and their logs. Everything raises ``StoreError`` where the store cannot do it.

    ``runner`` names the process that runs a session. Writing under a runner that is not the session's raises
    ``LeaseLost``: two processes never write one log.
    """

    async def create(self, row: SessionRow, runner: str, *, new: bool) -> SessionRow | None:
        """Add a session that ``runner`` runs, unless its kernel or notebook has one already, which is returned instead.

        ``new``: add it all the same. Two who ask at the same time get the same session.
        """
        ...

    async def get(self, session_id: str) -> SessionRow | None:
        """The session's row."""
        ...

    async def moved(self, place: str, to: str | None) -> None:
        """A notebook, or a folder of them, is now at ``to``; None: gone, its sessions are nobody's."""
        ...

    async def find(self, owner: str, *, kernel_id: str | None, notebook: str | None) -> SessionRow | None:
        """The owner's newest session of this kernel, else of this notebook."""
        ...

    async def page(self, owner: str, limit: int, cursor: str | None) -> Page:
        """The owner's sessions, newest first. An unknown cursor is ``InvalidParams``."""
        ...

    async def ready(self) -> None:
        """Return as soon as it can be written to: what is appended now need not wait for another process."""
        ...

    async def append(self, session_id: str, runner: str, rows: Sequence[LogRow], changes: SessionChanges) -> None:
        """Make rows durable, all or none."""
        ...

    async def read(self, session_id: str, after_seq: int) -> list[LogRow]:
        """The log's rows whose ``seq`` lies beyond ``after_seq``, in order."""
        ...

    async def acquire(self, session_id: str, runner: str, *, want: bool = False) -> bool:
        """Make ``runner`` the session's; False while another that is alive has it.

        With ``want`` that one is asked to let go of it as soon as no turn runs.
        """
        ...

    async def release(self, session_id: str, runner: str, last_seq: int) -> None:
        """Let go of a session in good order, so that its numbers go on without a gap."""
        ...

    async def beat(self, runner: str) -> list[str]:
        """A sign of life: the runner keeps its sessions. Returns those that another one wants."""
        ...

    async def delete(self, session_id: str) -> None:
        """Remove the session and its log."""
        ...

    async def aclose(self) -> None:
        """Finish what was asked and close."""
        ...
