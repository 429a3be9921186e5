"""Who runs a session: this process, or another that shares the store and is followed until it lets go or is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count

from whisperer_kernel.errors import NoSuchSession, NotPermitted, StoreError
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.store import SessionRow, Store

FOLLOW_S = 0.25
TICKS_PER_TRY = 4
TAKE_OVER_TRIES = 20

log = logging.getLogger(__name__)


class Lease:
    """One session's.

    ``taken`` is awaited each time this process begins to run it, with whether a crash went before; ``gone`` is called
    when the session that is followed has been deleted; a session that is ``busy`` is not handed over.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place
        self,
        store: Store,
        session_id: str,
        runner: str,
        session_log: SessionLog,
        taken: Callable[[SessionRow, bool], Awaitable[None]],
        gone: Callable[[], None],
        busy: Callable[[], bool],
    ) -> None:
        self._store = store
        self._session_id = session_id
        self._runner = runner
        self._log = session_log
        self._taken = taken
        self._gone = gone
        self._busy = busy
        self._role = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None
        self.held = False

    async def enter(self) -> None:
        """Run the session, or follow whoever runs it. Raises ``StoreError``, ``NoSuchSession``."""
        async with self._role:
            if not await self._acquire():
                await self._log.read()
                self._start_following()

    async def take(self) -> None:
        """Run the session from here on. Raises ``NotPermitted`` while another server answers in it."""
        for _ in range(TAKE_OVER_TRIES):
            async with self._role:
                if self.held or await self._acquire(want=True):
                    return
            await asyncio.sleep(FOLLOW_S)
        raise NotPermitted("Another Jupyter server is answering in this session; wait for it, or stop it there.")

    async def hand_over(self) -> None:
        """Let another server run the session that asked for it, unless it is busy; follow it then."""
        async with self._role:
            if self.held and not self._busy():
                self.held = False
                await self._log.close()
                self._start_following()

    async def follow_anew(self) -> None:
        """The lease was lost: read what the log really says, and follow."""
        async with self._role:
            self._log.reset()
            self._start_following()

    async def close(self) -> None:
        """Give the lease back, or stop following. Raises ``StoreError``."""
        if self._follower is not None:
            self._follower.cancel()
        if self.held:
            await self._log.close()

    def _start_following(self) -> None:
        self._follower = asyncio.get_running_loop().create_task(self._follow())

    async def _acquire(self, *, want: bool = False) -> bool:
        if not await self._store.acquire(self._session_id, self._runner, want=want):
            return False
        await self._log.read()
        row = await self._store.get(self._session_id)
        if row is None:
            raise NoSuchSession("There is no such session.")
        if self._follower is not None and self._follower is not asyncio.current_task():
            self._follower.cancel()
        self._follower = None
        self.held = True
        await self._taken(row, self._log.lead(row.reserved))
        return True

    async def _follow(self) -> None:
        """Show what another server writes, and take over when it is gone. SQLite tells nobody: it has to be asked."""
        for tick in count(1):
            await asyncio.sleep(FOLLOW_S)
            try:
                async with self._role:
                    if self.held:
                        return
                    await self._log.read()
                    if tick % TICKS_PER_TRY == 0 and await self._acquire():
                        return
            except StoreError as error:
                log.warning("session %s cannot be followed: %s", self._session_id, error)
            except NoSuchSession:
                self._gone()
                return
