"""The log: what is packed comes back, what a number was given to keeps it, and a store that fails loses nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from tests.unit.sessions.histories import TEXTS, essence, histories
from whisperer_kernel.errors import LeaseLost, StoreError
from whisperer_kernel.events import (
    FAILED,
    AgentSwitched,
    AIMessageChunk,
    Entry,
    Event,
    SessionStatus,
    UserMessage,
)
from whisperer_kernel.sessions.log import SessionLog
from whisperer_kernel.sessions.logrows import pack, unpack
from whisperer_kernel.sessions.logwriter import BLOCK
from whisperer_kernel.sessions.sqlite import SQLiteStore
from whisperer_kernel.sessions.state import SessionState
from whisperer_kernel.sessions.store import LogRow, SessionChanges, SessionRow, new_runner

ROW = SessionRow(id="s", owner="local", created="2026", updated="2026")


class FragileStore(SQLiteStore):
    """A real store that refuses to be written to while ``broken``."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        self.broken = False
        self.hesitation_s = 0.0
        # What is being written waits for it, where there is one; ``writing`` says that something is.
        self.held: asyncio.Event | None = None
        self.writing = asyncio.Event()

    async def append(self, session_id: str, runner: str, rows: Sequence[LogRow], changes: SessionChanges) -> None:
        """See ``Store``."""
        if self.broken:
            await asyncio.sleep(self.hesitation_s)
            raise StoreError("The session store is unavailable: the disk is full.")
        self.writing.set()
        if self.held is not None:
            await self.held.wait()
        await super().append(session_id, runner, rows, changes)


class Written:
    """A log that this process runs, and what was seen of it."""

    def __init__(self, store: SQLiteStore, replay_events: int = 100_000) -> None:
        self.store = store
        self.runner = new_runner()
        self.published: list[Entry] = []
        self.state = SessionState()
        self.lost = 0
        self.log = SessionLog(
            store,
            ROW.id,
            self.runner,
            replay_events=replay_events,
            apply=self.state.apply,
            publish=self.published.append,
            lost=self._lose,
        )

    def _lose(self) -> None:
        self.lost += 1

    async def begin(self) -> Written:
        """As the session's first runner."""
        await self.store.create(ROW, self.runner, new=True)
        self.log.lead(0)
        return self

    async def take_over(self, path: Path) -> Written:
        """As the next runner, whatever became of the last."""
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE sessions SET runner = NULL")
        assert await self.store.acquire(ROW.id, self.runner)
        await self.log.read()
        row = await self.store.get(ROW.id)
        assert row is not None
        self.log.lead(row.reserved)
        return self

    def numbers(self) -> list[int]:
        """Of what was published, in order."""
        return [entry.seq for entry in self.published]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FragileStore]:
    """A store in a file."""
    made = FragileStore(tmp_path / "sessions.db")
    yield made
    await made.aclose()


def chunk(text: str, message_id: str = "m") -> AIMessageChunk:
    """New text of a turn."""
    return AIMessageChunk(message_id=message_id, agent="alice", chunk=text)


def end(message_id: str = "m") -> AIMessageChunk:
    """The end of a turn."""
    return AIMessageChunk(message_id=message_id, agent="alice", is_final=True, finish_reason="stop")


def message(message_id: str = "m") -> UserMessage:
    """A message."""
    return UserMessage(message_id=message_id, message="Hello", agent="alice", client_id="c")


# --- pack, unpack -----------------------------------------------------------------------------------------------------


@given(histories())
def test_what_is_packed_comes_back(entries: list[Entry]) -> None:
    """Every entry comes back from its row under its number and as it was."""
    assert [(entry.seq, entry.event, entry.body) for entry in unpack(pack(entries))] == [
        (entry.seq, entry.event, entry.body) for entry in entries
    ]


@given(histories())
def test_rows_are_few(entries: list[Entry]) -> None:
    """Chunks of one turn that stand side by side share a row; a row's number is its last entry's, and rises."""
    rows = pack(entries)
    numbers = [row.seq for row in rows]
    assert numbers == sorted(set(numbers))
    assert numbers[-1:] == [entry.seq for entry in entries[-1:]]
    for before, after in zip(unpack(rows[:-1]), unpack(rows[1:]), strict=False):
        assert before.seq < after.seq


def test_a_thousand_chunks_share_a_row() -> None:
    """However many chunks come between two saves, they are one row."""
    entries = [Entry(seq, "t", chunk("x"), b"") for seq in range(1, 1_001)]
    assert len(pack(entries)) == 1


def test_damaged_row() -> None:
    """A row that cannot be read is an error that names its place."""
    for row in (
        LogRow(7, "echo", "t", b"{}"),
        LogRow(7, "session.usage", "t", b"{"),
        LogRow(7, "agent.switched", "t", b"{}"),
    ):
        with pytest.raises(StoreError, match="damaged at event 7"):
            unpack([row])


# --- state ------------------------------------------------------------------------------------------------------------


@given(histories(), st.lists(st.integers(0, 40)))
def test_replayed_state_is_the_live_state(entries: list[Entry], saves: list[int]) -> None:
    """Wherever the checkpoints fell, the fold of what was stored is the fold of what happened."""
    live, replayed = SessionState(), SessionState()
    live.apply_all(entries)
    places = [0, *sorted(min(place, len(entries)) for place in saves), len(entries)]
    rows = [row for start, stop in pairwise(places) for row in pack(entries[start:stop])]
    replayed.apply_all(unpack(rows))
    assert essence(replayed) == essence(live)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=30), st.integers(1, 10))
async def test_a_long_log_counts_the_same(texts: list[str], replay_events: int) -> None:
    """A log whose old rows are not taken apart any more comes to the same state."""
    store = SQLiteStore(":memory:")
    try:
        written = await Written(store).begin()
        for number, text in enumerate(texts):
            await written.log.append(message(f"m{number}"))
            for part in text:
                written.log.stream(chunk(part, f"m{number}"))
            await written.log.append(end(f"m{number}"))
        await written.log.close()
        read = Written(store, replay_events)
        await read.log.read()
        assert essence(read.state) == essence(written.state)
        assert read.log.seq == written.log.seq
        assert len(read.log.since(read.log.seq - replay_events) or []) in {0, replay_events}
    finally:
        await store.aclose()


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_numbers_are_reserved_before_they_are_seen(store: FragileStore) -> None:
    """No chunk is published under a number that is not reserved in the file at that moment."""
    written = await Written(store).begin()
    with closing(sqlite3.connect(store.path)) as connection:

        def check(entry: Entry) -> None:
            (reserved,) = connection.execute("SELECT reserved FROM sessions").fetchone()
            assert entry.seq <= reserved
            written.published.append(entry)

        written.log._publish = check
        await written.log.append(message())
        for number in range(3 * BLOCK):
            written.log.stream(chunk("x"))
            if number % 100 == 0:
                await asyncio.sleep(0)
        await written.log.append(end())
    assert written.numbers() == [*range(1, 3 * BLOCK + 3)]


@pytest.mark.parametrize("chunks", [0, 1, BLOCK // 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
async def test_no_number_is_used_twice(store: FragileStore, chunks: int) -> None:
    """After a crash at any moment numbering goes on above everything that anybody may have seen."""
    first = await Written(store).begin()
    await first.log.append(message())
    for _ in range(chunks):
        first.log.stream(chunk("x"))
    await asyncio.sleep(0.05)
    # Nothing is closed: this runner is gone.
    second = await Written(store).take_over(store.path)
    await second.log.append(AgentSwitched(from_agent="alice", to_agent="tessa", by="user"))
    assert second.numbers()[-1] > max(first.numbers())
    assert second.log.since(max(first.numbers())) is None
    first.log._stop_timer()


async def test_numbers_go_on_without_a_gap_after_a_good_end(store: FragileStore) -> None:
    """A log that was closed goes on at the next number, and what came before can be replayed."""
    first = await Written(store).begin()
    await first.log.append(message())
    first.log.stream(chunk("x"))
    await first.log.append(end())
    await first.log.close()
    second = await Written(store).take_over(store.path)
    await second.log.append(message("m2"))
    assert second.numbers()[-1] == 4
    assert [entry.seq for entry in second.log.since(1) or []] == [2, 3, 4]


# --- order ------------------------------------------------------------------------------------------------------------


async def test_nothing_overtakes(store: FragileStore) -> None:
    """Chunks that come while an event is being written wait for it."""
    written = await Written(store).begin()
    await written.log.append(message())
    store.held = asyncio.Event()
    store.writing.clear()
    saving = asyncio.ensure_future(written.log.append(message("m2")))
    await store.writing.wait()
    written.log.stream(chunk("x"))
    assert written.numbers() == [1]
    store.held.set()
    await saving
    assert written.numbers() == [1, 2, 3]
    assert [type(entry.event) for entry in written.published] == [UserMessage, UserMessage, AIMessageChunk]
    await written.log.close()


async def test_a_locked_store_holds_up_no_chunk(store: FragileStore) -> None:
    """An event takes no number before the store can be written to: until then a running turn's chunks go on."""
    written = await Written(store).begin()
    await written.log.append(message())
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        saving = asyncio.ensure_future(written.log.append(message("m2")))
        for number in range(20):
            await asyncio.sleep(0)
            written.log.stream(chunk(str(number)))
        assert written.numbers() == [*range(1, 22)]
        assert not saving.done()
        other.execute("ROLLBACK")
    await saving
    assert written.published[-1].seq == 22
    assert isinstance(written.published[-1].event, UserMessage)
    await written.log.close()
    assert [entry.seq for entry in unpack(await store.read(ROW.id, 0))] == written.numbers()


async def test_another_runner(store: FragileStore) -> None:
    """Who has lost the session learns it at the next write, and writes nothing."""
    first = await Written(store).begin()
    await first.log.append(message())
    second = await Written(store).take_over(store.path)
    await second.log.append(message("m2"))
    with pytest.raises(LeaseLost):
        await first.log.append(message("m3"))
    assert first.lost
    assert [row.seq for row in await store.read(ROW.id, 0)][-1] == second.log.seq


# --- a store that fails -----------------------------------------------------------------------------------------------


async def test_refused_event(store: FragileStore) -> None:
    """An event that cannot be saved is refused; its number tells of the failure, so that there is no gap."""
    written = await Written(store).begin()
    await written.log.append(message())
    store.broken = True
    for _ in range(3):
        with pytest.raises(StoreError):
            await written.log.append(message("refused"))
    store.broken = False
    await written.log.append(message("taken"))
    assert written.numbers() == [*range(1, len(written.published) + 1)]
    told: list[Event] = [entry.event for entry in written.published]
    assert isinstance(told[1], SessionStatus)
    assert told[1].status == FAILED
    assert [event.message_id for event in told if isinstance(event, UserMessage)] == ["m", "taken"]
    await written.log.close()
    stored = unpack(await store.read(ROW.id, 0))
    assert [(entry.seq, entry.event) for entry in stored] == [(entry.seq, entry.event) for entry in written.published]


@pytest.mark.parametrize("failed_before", [False, True])
async def test_answer_outlives_the_store(store: FragileStore, *, failed_before: bool) -> None:
    """The end of a turn is told even where it cannot be saved, and is saved with the next that can."""
    written = await Written(store).begin()
    await written.log.append(message())
    written.log.stream(chunk("all "))
    store.broken = True
    if failed_before:
        with pytest.raises(StoreError):
            await written.log.append(message("refused"))
    written.log.stream(chunk("of it"))
    with pytest.raises(StoreError):
        await written.log.append(end())
    assert written.published[-1].event == end()
    assert written.state.messages[-1].content == "all of it"
    store.broken = False
    await written.log.close()
    replayed = SessionState()
    replayed.apply_all(unpack(await store.read(ROW.id, 0)))
    assert essence(replayed) == essence(written.state)


async def test_one_no_is_enough(store: FragileStore) -> None:
    """A store that takes its time to say no keeps nobody waiting for longer than one no, however many want to write."""
    written = await Written(store).begin()
    await written.log.append(message())
    store.broken, store.hesitation_s = True, 0.2
    loop = asyncio.get_running_loop()
    began = loop.time()
    refused = await asyncio.gather(*(written.log.append(message(f"m{n}")) for n in range(10)), return_exceptions=True)
    assert all(isinstance(error, StoreError) for error in refused)
    assert loop.time() - began < 0.6
    store.broken = False
    await written.log.append(message("taken"))
    assert written.numbers() == [*range(1, len(written.published) + 1)]
    await written.log.close()
