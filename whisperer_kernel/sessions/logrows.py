"""How a log's entries are kept in rows: neighbouring chunks share one, and come apart again as they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from whisperer_kernel.errors import StoreError
from whisperer_kernel.events import AIMessageChunk, AIReasoningChunk, Entry, decode, encode
from whisperer_kernel.sessions.store import LogRow

Chunk = AIMessageChunk | AIReasoningChunk


class _Parts(msgspec.Struct):
    """The lengths of the chunks in a row, and when the first came; the row's own time is the last's."""

    parts: list[int] = []
    began: str = ""


def pack(entries: Sequence[Entry]) -> list[LogRow]:
    """Log rows for entries. Neighbouring chunks of one turn share a row that remembers where each began and ended."""
    rows: list[LogRow] = []
    run: list[Entry] = []
    for entry in entries:
        if run and not _joins(run[-1], entry):
            rows.append(_row(run))
            run = []
        run.append(entry)
    return [*rows, _row(run)] if run else rows


def unpack(rows: Iterable[LogRow]) -> list[Entry]:
    """The entries that ``pack`` was given."""
    return [entry for row in rows for entry in read_row(row)[1]]


def _joins(last: Entry, entry: Entry) -> bool:
    first, second = last.event, entry.event
    if not (isinstance(first, AIMessageChunk | AIReasoningChunk) and type(first) is type(second)):
        return False
    ends = isinstance(first, AIMessageChunk) and first.is_final
    return not ends and first.message_id == second.message_id


def _row(run: Sequence[Entry]) -> LogRow:
    last = run[-1]
    if len(run) == 1:
        return LogRow(last.seq, last.event.method, last.ts, last.body)
    texts = [entry.event.chunk for entry in run if isinstance(entry.event, AIMessageChunk | AIReasoningChunk)]
    body = encode(msgspec.structs.replace(last.event, chunk="".join(texts)))
    parts = msgspec.json.encode([len(text) for text in texts])
    more = b',"parts":%s,"began":"%s"}' % (parts, run[0].ts.encode())
    return LogRow(last.seq, last.event.method, last.ts, body[:-1] + more)


def read_row(row: LogRow, *, merged: bool = False) -> tuple[int, list[Entry]]:
    """The first number in a row, and its events, or where they are to be ``merged`` the one that they come to."""
    try:
        shared = msgspec.json.decode(row.payload, type=_Parts)
        event = decode(row.type, row.payload)
    except (msgspec.MsgspecError, KeyError) as error:
        raise StoreError(f"This session's log is damaged at event {row.seq}.", reason="DAMAGED") from error
    first = row.seq - max(len(shared.parts), 1) + 1
    if merged or not (shared.parts and isinstance(event, AIMessageChunk | AIReasoningChunk)):
        return first, [Entry(row.seq, shared.began or row.ts, event, row.payload)]
    return first, _apart(row, event, shared)


def _apart(row: LogRow, event: Chunk, shared: _Parts) -> list[Entry]:
    ends = [0]
    for length in shared.parts:
        ends.append(ends[-1] + length)
    texts = [event.chunk[start:end] for start, end in pairwise(ends)]
    blank = msgspec.structs.replace(event, chunk="")
    if isinstance(blank, AIMessageChunk):
        blank = AIMessageChunk(message_id=blank.message_id, agent=blank.agent)
    events: list[Chunk] = [msgspec.structs.replace(blank, chunk=text) for text in texts[:-1]]
    events.append(msgspec.structs.replace(event, chunk=texts[-1]))
    first = row.seq - len(events) + 1
    times = [shared.began or row.ts, *[row.ts] * (len(events) - 1)]
    return [
        Entry(first + index, ts, chunk, encode(chunk))
        for index, (ts, chunk) in enumerate(zip(times, events, strict=True))
    ]
