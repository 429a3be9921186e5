"""The log in SQLite: write-ahead logging, one writer thread that commits in groups, one reader thread."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from whisperer_kernel.errors import InvalidParams, LeaseLost
from whisperer_kernel.sessions.sqlite_worker import Worker
from whisperer_kernel.sessions.store import RUNNER_DEAD_AFTER_S, LogRow, Page, SessionChanges, SessionRow, is_gone

T = TypeVar("T")

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 5_000
RETRY_S = 0.005
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, title TEXT NOT NULL,
    notebook TEXT, kernel_id TEXT, agent TEXT NOT NULL, status INTEGER NOT NULL,
    last_seq INTEGER NOT NULL, reserved INTEGER NOT NULL, runner TEXT,
    wanted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS sessions_runner ON sessions (runner, wanted);
CREATE INDEX IF NOT EXISTS sessions_newest ON sessions (owner, updated DESC, id);
CREATE INDEX IF NOT EXISTS sessions_kernel ON sessions (owner, kernel_id, created DESC);
CREATE INDEX IF NOT EXISTS sessions_notebook ON sessions (owner, notebook, created DESC);
CREATE TABLE IF NOT EXISTS events (
    session_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, ts TEXT NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (session_id, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runners (id TEXT PRIMARY KEY, beat REAL NOT NULL);
"""
COLUMNS = ", ".join(SessionRow.__struct_fields__)


class SQLiteStore:
    """Sessions in one SQLite file, or in memory (``:memory:``) for as long as the store lives."""

    def __init__(
        self, path: str, clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        # Each other runner's last sign of life, and when it was first seen here.
        self._seen: dict[str, tuple[float, float]] = {}
        self._writer = Worker(path, "whisperer-store-writer", _prepare, writes=True)
        # A database in memory is its connection: there the writer reads too.
        self._reader = (
            self._writer if path == ":memory:" else Worker(path, "whisperer-store-reader", _prepare, writes=False)
        )
        for worker in {self._writer, self._reader}:
            worker.start()

    async def create(self, row: SessionRow, runner: str, *, new: bool) -> SessionRow | None:
        """See ``Store``."""
        values = [*msgspec.structs.astuple(row), runner]

        def job(connection: sqlite3.Connection) -> SessionRow | None:
            found = None if new else _find(connection, row.owner, row.kernel_id, row.notebook)
            if found is None:
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO sessions ({COLUMNS}, runner) VALUES ({marks})", values)  # noqa: S608 - names are ours
                _beat(connection, runner, self._clock())
            return found

        found: SessionRow | None = await self._writer.submit(job)
        return found

    async def get(self, session_id: str) -> SessionRow | None:
        """See ``Store``."""
        found = await self._select("WHERE id = ?", (session_id,))
        return found[0] if found else None

    async def moved(self, place: str, to: str | None) -> None:
        """See ``Store``."""

        def job(connection: sqlite3.Connection) -> None:
            # Concatenated with NULL it is NULL, which is what is wanted where there is no new place.
            connection.execute(
                "UPDATE sessions SET notebook = ? || substr(notebook, length(?) + 1)"
                " WHERE notebook = ? OR substr(notebook, 1, length(?) + 1) = ? || '/'",
                (to, place, place, place, place),
            )

        await self._writer.submit(job)

    async def find(self, owner: str, *, kernel_id: str | None, notebook: str | None) -> SessionRow | None:
        """See ``Store``."""
        return await self._ask(lambda connection: _find(connection, owner, kernel_id, notebook))

    async def page(self, owner: str, limit: int, cursor: str | None) -> Page:
        """See ``Store``."""
        where, values = "WHERE owner = ?", [owner]
        if cursor is not None:
            updated, separator, session_id = cursor.partition("~")
            if not separator:
                raise InvalidParams("cursor: not one that session.list gave out")
            where += " AND updated <= ? AND (updated < ? OR id > ?)"
            values += [updated, updated, session_id]
        found = await self._select(f"{where} ORDER BY updated DESC, id LIMIT {int(limit) + 1}", values)
        page = found[:limit]
        return Page(page, f"{page[-1].updated}~{page[-1].id}" if len(found) > limit and page else None)

    async def ready(self) -> None:
        """See ``Store``."""
        # Nothing is done, in a transaction that has to be begun.
        await self._writer.submit(lambda _: None)

    async def append(self, session_id: str, runner: str, rows: Sequence[LogRow], changes: SessionChanges) -> None:
        """See ``Store``."""
        changed = {key: value for key, value in msgspec.structs.asdict(changes).items() if value is not None}
        if rows:
            changed |= {"last_seq": rows[-1].seq, "updated": rows[-1].ts}
        records = [(session_id, row.seq, row.type, row.ts, row.payload) for row in rows]

        def job(connection: sqlite3.Connection) -> None:
            names = ", ".join(f"{column} = ?" for column in changed)
            cursor = connection.execute(
                f"UPDATE sessions SET {names} WHERE id = ? AND runner = ?",  # noqa: S608 - names are ours
                [*changed.values(), session_id, runner],
            )
            if cursor.rowcount != 1:
                raise LeaseLost("This session is run by another server now.")
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", records)

        await self._writer.submit(job)

    async def read(self, session_id: str, after_seq: int) -> list[LogRow]:
        """See ``Store``."""

        def job(connection: sqlite3.Connection) -> list[LogRow]:
            query = "SELECT seq, type, ts, payload FROM events WHERE session_id = ? AND seq > ? ORDER BY seq"
            return [LogRow(*row) for row in connection.execute(query, (session_id, after_seq))]

        return await self._ask(job)

    async def acquire(self, session_id: str, runner: str, *, want: bool = False) -> bool:
        """See ``Store``."""

        def job(connection: sqlite3.Connection) -> bool:
            query = "SELECT runner, beat FROM sessions LEFT JOIN runners ON runners.id = runner WHERE sessions.id = ?"
            holder, beat = connection.execute(query, (session_id,)).fetchone() or (None, None)
            if holder not in (None, runner) and self._is_alive(holder, beat):
                if want:
                    connection.execute("UPDATE sessions SET wanted = 1 WHERE id = ?", (session_id,))
                return False
            connection.execute("UPDATE sessions SET runner = ?, wanted = 0 WHERE id = ?", (runner, session_id))
            _beat(connection, runner, self._clock())
            return True

        acquired: bool = await self._writer.submit(job)
        return acquired

    async def release(self, session_id: str, runner: str, last_seq: int) -> None:
        """See ``Store``."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE sessions SET runner = NULL, wanted = 0, reserved = ? WHERE id = ? AND runner = ?",
                (last_seq, session_id, runner),
            )

        await self._writer.submit(job)

    async def beat(self, runner: str) -> list[str]:
        """See ``Store``."""

        def job(connection: sqlite3.Connection) -> list[str]:
            _beat(connection, runner, self._clock())
            rows = connection.execute("SELECT id FROM sessions WHERE runner = ? AND wanted = 1", (runner,))
            return [session_id for (session_id,) in rows]

        wanted: list[str] = await self._writer.submit(job)
        return wanted

    async def delete(self, session_id: str) -> None:
        """See ``Store``."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM events WHERE session_id = ?", (session_id,))
            connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

        await self._writer.submit(job)

    async def aclose(self) -> None:
        """See ``Store``."""
        workers = {self._writer, self._reader}
        for worker in workers:
            worker.close()
        for worker in workers:
            await asyncio.to_thread(worker.join, BUSY_TIMEOUT_MS / 1000 + 1)

    def _is_alive(self, runner: str, beat: float | None) -> bool:
        """Whether the runner gives signs of life, by this process's own clock: no other can be trusted to agree."""
        if beat is None or is_gone(runner):
            return False
        seen, since = self._seen.get(runner, (None, 0.0))
        if beat != seen:
            self._seen[runner] = (beat, self._monotonic())
            return True
        return self._monotonic() - since < RUNNER_DEAD_AFTER_S

    async def _select(self, where: str, values: Sequence[Any]) -> list[SessionRow]:
        return await self._ask(lambda connection: _rows(connection, where, values))

    async def _ask(self, job: Callable[[sqlite3.Connection], T]) -> T:
        answer: T = await self._reader.submit(job)
        return answer


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"written by a newer Whisperer (schema {version})")
    if version < SCHEMA_VERSION:
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn on write-ahead logging; where others do so to the same new file, SQLite itself does not wait for them."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1_000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)
        else:
            return


def _rows(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[SessionRow]:
    query = f"SELECT {COLUMNS} FROM sessions {where}"  # noqa: S608 - names are ours, values are bound
    fields = SessionRow.__struct_fields__
    return [SessionRow(**dict(zip(fields, row, strict=True))) for row in connection.execute(query, values)]


def _find(connection: sqlite3.Connection, owner: str, kernel_id: str | None, notebook: str | None) -> SessionRow | None:
    for column, value in (("kernel_id", kernel_id), ("notebook", notebook)):
        if value and (
            found := _rows(
                connection, f"WHERE owner = ? AND {column} = ? ORDER BY created DESC LIMIT 1", (owner, value)
            )
        ):
            return found[0]
    return None


def _beat(connection: sqlite3.Connection, runner: str, now: float) -> None:
    connection.execute(
        "INSERT INTO runners VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET beat = excluded.beat", (runner, now)
    )
    # A day is longer than any process is merely stopped: what is older belongs to one that is gone.
    connection.execute("DELETE FROM runners WHERE beat < ?", (now - 86_400,))


def open_store(url: str) -> SQLiteStore:
    """The store that a URL of the configuration names."""
    return SQLiteStore(":memory:" if url.startswith("memory://") else url.removeprefix("sqlite:///"))
