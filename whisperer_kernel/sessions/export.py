"""A session as a file: to be read (markdown), to be worked on (a notebook), or to be taken elsewhere (JSON).

JSON holds every message to the letter. In the other two, what models and people wrote brings nothing along: no HTML, no
pictures from elsewhere. Code keeps its characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from whisperer_kernel.markdown import blocks, code_block, literal, safe_markdown
from whisperer_kernel.plans.model import Plan
from whisperer_kernel.sessions.history import HistoryMessage
from whisperer_kernel.verify.report import Report
from whisperer_kernel.version import __version__

Format = Literal["markdown", "ipynb", "json"]

PYTHON = {"python", "py", "python3", "ipython"}


class Exported(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """A session. ``agents`` are the agents' names by id; ``created`` is ISO 8601 in UTC."""

    session_id: str
    title: str
    notebook: str | None
    created: str
    agents: dict[str, str]
    messages: list[HistoryMessage]
    plans: list[Plan]
    reports: list[Report]
    version: str = __version__


def export(session: Exported, form: Format) -> str:
    """The session as the text of a file."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(session), indent=2).decode()
    if form == "ipynb":
        return msgspec.json.format(msgspec.json.encode(_notebook(session)), indent=1).decode() + "\n"
    return (
        "\n\n".join([_head(session), *(_section(message, session.agents) for message in _said(session.messages))])
        + "\n"
    )


def _said(messages: Sequence[HistoryMessage]) -> Iterator[HistoryMessage]:
    """What was asked and answered; what tools brought is in the JSON."""
    return (message for message in messages if message.role != "tool" and (message.content or message.error))


def _head(session: Exported) -> str:
    where = f" · {literal(session.notebook)}" if session.notebook else ""
    return f"# {literal(session.title or 'Conversation')}\n\nA conversation with Whisperer, {session.created}{where}"


def _section(message: HistoryMessage, agents: Mapping[str, str]) -> str:
    return "\n\n".join(
        part for part in (_byline(message, agents), safe_markdown(message.content), _end(message)) if part
    )


def _byline(message: HistoryMessage, agents: Mapping[str, str]) -> str:
    name = "You" if message.role == "user" else agents.get(message.agent, message.agent)
    return f"## {literal(name)}"


def _end(message: HistoryMessage) -> str:
    """How a reply ended that did not end by itself."""
    if message.error is not None:
        return f"*{literal(message.error.message)}*"
    return "" if message.finish_reason in {None, "stop"} else f"*({message.finish_reason})*"


def _notebook(session: Exported) -> dict[str, Any]:
    cells = [_cell("markdown", _head(session))]
    for message in _said(session.messages):
        cells += _cells(message, session.agents)
    for number, cell in enumerate(cells):
        cell["id"] = f"whisperer-{number}"
    return {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}, "whisperer": {"sessionId": session.session_id}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cells(message: HistoryMessage, agents: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """What was said in cells; Python in a reply is a cell of its own, to be run by whoever has looked at it."""
    prose = [_byline(message, agents)]
    for block in blocks(message.content):
        if message.role == "assistant" and block.language in PYTHON:
            yield from _prose(prose)
            prose = []
            yield _cell("code", block.text)
        elif block.language is None:
            prose.append(safe_markdown(block.text))
        else:
            prose.append(code_block(block.text))
    yield from _prose([*prose, _end(message)])


def _prose(parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    text = "\n\n".join(part for part in parts if part.strip())
    if text:
        yield _cell("markdown", text)


def _cell(kind: str, source: str) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "id": "", "metadata": {}, "source": source, **code}
