"""The SQLite store: whose a session is, pages, and faults that touch nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from whisperer_kernel.errors import InvalidParams, LeaseLost, StoreError
from whisperer_kernel.sessions.sqlite import SQLiteStore
from whisperer_kernel.sessions.store import LogRow, SessionChanges, SessionRow, new_runner

MINE, THEIRS = new_runner(), f"another-host:1:{'0' * 32}"


def row(session_id: str, **fields: str) -> SessionRow:
    """A session's row."""
    return SessionRow(id=session_id, **{"owner": "local", "created": "2026", "updated": "2026", **fields})  # type: ignore[arg-type]


def event(seq: int) -> LogRow:
    """A row of a log."""
    return LogRow(seq, "session.cleared", f"2026-{seq:04}", b"{}")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        """What time it is."""
        return self.time


@pytest.fixture
def clock() -> Clock:
    """The store's clock."""
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SQLiteStore]:
    """A store in a file."""
    made = SQLiteStore(str(tmp_path / "folder" / "sessions.db"), clock, clock)
    yield made
    await made.aclose()


async def test_append_is_all_or_nothing(store: SQLiteStore) -> None:
    """Rows of which one cannot be written are none of them written, and no other session's are lost with them."""
    for session_id in ("one", "two"):
        await store.create(row(session_id), MINE, new=True)
    await store.append("one", MINE, [event(1)], SessionChanges())
    outcomes = await asyncio.gather(
        store.append("one", MINE, [event(2), event(1)], SessionChanges(title="never")),
        store.append("two", MINE, [event(1), event(2)], SessionChanges(title="taken")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], StoreError)
    assert outcomes[1] is None
    assert [found.seq for found in await store.read("one", 0)] == [1]
    assert [found.seq for found in await store.read("two", 0)] == [1, 2]
    one, two = await store.get("one"), await store.get("two")
    assert one is not None
    assert two is not None
    assert (one.title, one.last_seq, two.title, two.last_seq) == ("", 1, "taken", 2)


async def test_one_runner(store: SQLiteStore, clock: Clock) -> None:
    """While a runner gives signs of life nobody else gets its session; silent for long enough, it has lost it."""
    await store.create(row("s"), THEIRS, new=True)
    assert await store.acquire("s", MINE) is False
    with pytest.raises(LeaseLost):
        await store.append("s", MINE, [event(1)], SessionChanges())
    clock.time += 3
    assert await store.acquire("s", MINE) is False
    await store.beat(THEIRS)
    clock.time += 3
    assert await store.acquire("s", MINE) is False
    clock.time += 4
    assert await store.acquire("s", MINE) is True
    await store.append("s", MINE, [event(1)], SessionChanges())
    with pytest.raises(LeaseLost):
        await store.append("s", THEIRS, [event(2)], SessionChanges())


async def test_clock_that_jumps(tmp_path: Path) -> None:
    """A wall clock that is set forward takes no session from a runner that lives."""
    wall, own = Clock(), Clock()
    store = SQLiteStore(str(tmp_path / "sessions.db"), wall, own)
    await store.create(row("s"), THEIRS, new=True)
    assert await store.acquire("s", MINE) is False
    wall.time += 3_600
    assert await store.acquire("s", MINE) is False
    own.time += 4
    assert await store.acquire("s", MINE) is True
    await store.aclose()


async def test_one_session_for_one_notebook(store: SQLiteStore) -> None:
    """Two who ask for a notebook's session at the same time get the same one, unless a new one is wanted."""
    first, second = await asyncio.gather(
        store.create(row("one", notebook="n.ipynb"), MINE, new=False),
        store.create(row("two", notebook="n.ipynb", kernel_id="k"), THEIRS, new=False),
    )
    assert first is None
    assert second is not None
    assert second.id == "one"
    assert await store.create(row("three", notebook="n.ipynb"), MINE, new=True) is None


async def test_release(store: SQLiteStore) -> None:
    """A session that was let go can be had at once, and goes on at the next number."""
    await store.create(row("s"), THEIRS, new=True)
    await store.append("s", THEIRS, [event(1)], SessionChanges(reserved=1_000))
    await store.release("s", THEIRS, 1)
    assert await store.acquire("s", MINE)
    found = await store.get("s")
    assert found is not None
    assert found.reserved == found.last_seq == 1


async def test_pages(store: SQLiteStore) -> None:
    """Pages hold each session of the owner once, newest first, also where times are equal."""
    for number in range(10):
        await store.create(row(f"s{number}", updated=f"2026-{number // 3}"), MINE, new=True)
    await store.create(row("theirs", owner="somebody else"), MINE, new=True)
    listed: list[str] = []
    cursor = None
    while True:
        page = await store.page("local", 4, cursor)
        listed += [found.id for found in page.sessions]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert listed == ["s9", "s6", "s7", "s8", "s3", "s4", "s5", "s0", "s1", "s2"]
    with pytest.raises(InvalidParams):
        await store.page("local", 4, "nonsense")


async def test_find(store: SQLiteStore) -> None:
    """A notebook's session is found by its kernel first, then by its path, the newest of each, the owner's alone."""
    await store.create(row("old", created="1", notebook="a", kernel_id="k"), MINE, new=True)
    await store.create(row("new", created="2", notebook="a"), MINE, new=True)
    await store.create(row("theirs", created="3", owner="b", notebook="a", kernel_id="k"), MINE, new=True)

    async def found(kernel_id: str | None, notebook: str | None) -> str | None:
        session = await store.find("local", kernel_id=kernel_id, notebook=notebook)
        return None if session is None else session.id

    assert await found("k", "a") == "old"
    assert await found("other", "a") == "new"
    assert await found(None, "a") == "new"
    assert await found("other", "b") is None
    assert await found(None, None) is None


async def test_delete(store: SQLiteStore) -> None:
    """A deleted session leaves neither row nor log."""
    await store.create(row("s"), MINE, new=True)
    await store.append("s", MINE, [event(1)], SessionChanges())
    await store.delete("s")
    assert await store.get("s") is None
    assert await store.read("s", 0) == []


async def test_two_that_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Servers that share a store may make it at the same moment."""
    for number in range(20):
        stores = [SQLiteStore(str(tmp_path / f"{number}.db")) for _ in range(3)]
        await asyncio.gather(
            *(one.create(row(f"s{index}"), MINE, new=True) for index, one in enumerate(stores)),
            *(one.get("s0") for one in stores),
        )
        for one in stores:
            found = [await one.get(f"s{index}") for index in range(3)]
            assert None not in found
            await one.aclose()


async def test_a_store_that_could_not_be_opened_is_tried_again(store: SQLiteStore, tmp_path: Path) -> None:
    """What stood in the way is said, and once it is gone the store works."""
    (tmp_path / "folder").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        await store.create(row("s"), MINE, new=True)
    (tmp_path / "folder").unlink()
    await store.create(row("s"), MINE, new=True)
    assert await store.get("s") is not None


async def test_nothing_hangs_on_a_closed_store(store: SQLiteStore) -> None:
    """A store that was closed says so; closing it again does nothing."""
    await store.create(row("s"), MINE, new=True)
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await store.get("s")


async def test_others_may_not_read_it(store: SQLiteStore, tmp_path: Path) -> None:
    """Conversations lie in a folder that only their owner may enter."""
    await store.create(row("s"), MINE, new=True)
    assert (tmp_path / "folder").stat().st_mode & 0o077 == 0


async def test_newer_schema(tmp_path: Path) -> None:
    """A file of a newer Whisperer is refused and left as it is."""
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    store = SQLiteStore(str(path))
    with pytest.raises(StoreError, match="newer"):
        await store.create(row("s"), MINE, new=True)
    await store.aclose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
