"""Frames that nobody should send: requests mutated in their bytes, their shape and their values."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from typing import Any

VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    2**63,
    2**64,
    10**400,
    "",
    "x" * 10_000,
    "\x00",
    "\ud800",
    "日本😀",
    "../../etc/passwd",
    "' OR 1=1 --",
    [],
    {},
    [[[[[]]]]],
    {"type": "cell"},
    {"type": "no such"},
    ["a"] * 200,
]
PIECES = ['{"jsonrpc":"2.0",', "[", "{", '"', "\\u", "\\ud800", "null", "1e999", "NaN", "\x00", "\u2028", "]" * 50]
# What would end the session that the next frames speak to, or wait for a model.
PARAMS: dict[str, dict[str, Any]] = {
    "startSession": {"userId": "u", "sessionParams": {"agent": "alice", "notebook": "a.ipynb", "clientTools": []}},
    "resumeSession": {"sessionId": "$", "afterSeq": 0},
    "sendUserMessage": {"sessionId": "$", "message": "", "context": [], "clientMessageId": "1"},
    "session.cancel": {"sessionId": "$", "messageId": "m"},
    "session.switch_agent": {"sessionId": "$", "agent_id": "alice"},
    "session.handoff": {"sessionId": "$", "to_agent": "alice", "note": "n"},
    "session.current_agent": {"sessionId": "$"},
    "session.list": {"limit": 10, "cursor": "c"},
    "session.history": {"sessionId": "$", "agent": "alice", "limit": 1, "cursor": "0"},
    "session.clear": {"sessionId": "$", "agent": "alice"},
    "session.set_model": {"sessionId": "$", "model": "m"},
    "agent.list": {},
    "echo": {"message": "m"},
}


def hostile_frames(seed: random.Random, count: int, session_id: str) -> Iterator[str]:
    """``count`` frames, the same ones for the same seed."""
    for _ in range(count):
        yield seed.choice([_wrong_values, _wrong_shape, _wrong_bytes, _noise])(seed, session_id)


def _request(seed: random.Random, session_id: str) -> dict[str, Any]:
    method = seed.choice([*PARAMS])
    params = json.loads(json.dumps(PARAMS[method]).replace("$", session_id))
    return {"jsonrpc": "2.0", "id": f"hostile {seed.random()}", "method": method, "params": params}


def _wrong_values(seed: random.Random, session_id: str) -> str:
    request = _request(seed, session_id)
    params = request["params"]
    for name in list(params):
        if seed.random() < 0.5:
            params[name] = seed.choice(VALUES)
    if seed.random() < 0.2:
        params[seed.choice(["", "extra", "__class__", "sessionParams"])] = seed.choice(VALUES)
    return json.dumps(request)


def _wrong_shape(seed: random.Random, session_id: str) -> str:
    request = _request(seed, session_id)
    request[seed.choice([*request])] = seed.choice(VALUES)
    frame: Any = request if seed.random() < 0.5 else [request] * seed.choice([1, 2, 101])
    return json.dumps(frame)


def _wrong_bytes(seed: random.Random, session_id: str) -> str:
    frame = list(json.dumps(_request(seed, session_id)))
    for _ in range(seed.randint(1, 4)):
        place = seed.randrange(len(frame))
        frame[place : place + seed.randint(0, 3)] = seed.choice(
            [seed.choice(PIECES), seed.choice(string.printable), ""]
        )
    return "".join(frame)


def _noise(seed: random.Random, _session_id: str) -> str:
    return "".join(seed.choice([*PIECES, *string.printable]) for _ in range(seed.randint(0, 200)))
