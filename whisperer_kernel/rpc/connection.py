"""A client's connection, whatever carries it: who it is, what it is shown, and where frames to it go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.sessions.manager import StatelessSessionManager
from whisperer_kernel.sessions.session import StatelessInteractiveSession
from whisperer_kernel.tools.tool import Tool

# A response that takes so long that more than this would wait for it is not waited for.
MAX_HELD = 1_000


async def at_once() -> None:
    """Whatever is written is taken at once."""


class Connection:
    """One client. ``write`` takes a text frame and must not block; ``owner`` is who is authenticated.

    ``emptied`` waits until the client has taken what was written.
    ``shows_questions``: whether a person is behind it who sees what is asked and can answer; ``answers_own``: whether
    it may at least answer what a turn of its own asks. ``page``: the page in a browser, or the process, that it comes
    from, where several connections do. ``hang_up`` ends the connection: the client has to come back and resume, as
    what it would be shown next does not join on to what it has seen.
    """

    def __init__(  # noqa: PLR0913 - one connection is made in one place, with all it needs by name
        self,
        owner: str,
        write: Callable[[str], None],
        *,
        keeps_alive: bool = True,
        shows_questions: bool = True,
        answers_own: bool = True,
        page: str = "",
        hang_up: Callable[[], None] = lambda: None,
        emptied: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self.client_id = uuid4().hex
        self.owner = owner
        self.write = write
        self.hang_up = hang_up
        self.keeps_alive = keeps_alive
        self.shows_questions = shows_questions
        self.answers_own = answers_own
        self.page = page
        self._sessions: set[str] = set()
        self._current: str | None = None
        self._emptied = emptied
        self._holds = 0
        # As many of them as hold a running turn's text, too.
        self._text_holds = 0
        self._held: list[str] = []
        self._released = asyncio.Event()
        self._released.set()
        self._closed = False
        # What this connection carries out in every session of a kernel, where it is the kernel's own or its notebook's.
        self.kernel_id: str | None = None
        # The notebook in a page whose cells it owns.
        self.front_end: str | None = None
        self.kernel_tools: Sequence[Tool] = ()

    def session_id(self, given: str | None) -> str:
        """The session that is meant: the one given, else the last that this connection started or resumed."""
        if given is not None:
            return given
        if self._current is None:
            raise InvalidParams("sessionId: is missing, and this connection has started no session")
        return self._current

    def tools_in(self, session: StatelessInteractiveSession, declared: Sequence[Tool] = ()) -> list[Tool]:
        """What it carries out in this session: what it declares, and in its kernel's sessions the kernel's tools."""
        is_own = self.kernel_id is not None and session.row.kernel_id in {None, self.kernel_id}
        return [*declared, *(self.kernel_tools if is_own else ())]

    def attach(
        self, manager: StatelessSessionManager, session: StatelessInteractiveSession, after_seq: int | None = None
    ) -> None:
        """Show this connection the session's events after ``after_seq`` or from here on; make it the current one."""
        manager.live.subscribe(session, self, after_seq)
        self._sessions.add(session.id)
        self._current = session.id
        if self._closed:
            # Gone while its request was under way.
            self.close(manager)

    def send(self, frame: str, *, is_text: bool = False) -> None:
        """Show a notification, as soon as nothing is held back that it would overtake; text is held for itself less."""
        passes = is_text and not self._text_holds and not self._held
        if self._holds and not passes and len(self._held) < MAX_HELD:
            self._held.append(frame)
        else:
            self._flush()
            self.write(frame)

    async def ready(self) -> None:
        """Wait until nothing is held back, and the client has taken what it was sent."""
        await self._released.wait()
        await self._emptied()

    def hold(self, *, text: bool) -> None:
        """Show no notification until ``release``, but for a running turn's text unless ``text``."""
        self._holds += 1
        self._text_holds += text
        self._released.clear()

    def release(self, *, text: bool) -> None:
        """Undo one ``hold``."""
        self._holds -= 1
        self._text_holds -= text
        if not self._holds:
            self._released.set()
            self._flush()

    def close(self, manager: StatelessSessionManager, *, lost: bool = False) -> None:
        """The connection is gone; ``lost``: it broke, or did not read."""
        self._closed = True
        if lost:
            for session_id in self._sessions:
                manager.live.lost(session_id)
        manager.kernel_gone(self)
        for session_id in self._sessions:
            manager.live.unsubscribe(session_id, self)
        self._sessions.clear()

    def _flush(self) -> None:
        held, self._held = self._held, []
        for frame in held:
            self.write(frame)
