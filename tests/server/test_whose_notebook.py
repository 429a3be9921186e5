"""Which notebook a session belongs to: of which server, after a rename, and when the file is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.server.conftest import Connect, Serve
from tests.server.process import TOKEN, Server

NAME = "Untitled.ipynb"


@pytest.fixture
def alone(serve: Serve) -> Server:
    """A server whose files nobody else touches."""
    return serve()


async def contents(server: Server, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    """A request of Jupyter's contents API."""
    request = HTTPRequest(
        f"{server.url}/api/contents/{path}",
        method=method,
        headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        body=None if body is None else json.dumps(body),
    )
    await AsyncHTTPClient().fetch(request)


async def new_notebook(server: Server, path: str) -> None:
    """A new, empty notebook."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    await contents(server, "PUT", path, {"type": "notebook", "content": empty})


async def asked_in(server: Server, connect: Connect, notebook: str) -> list[str]:
    """What was asked so far in the notebook's session."""
    client = await connect(server)
    await client.start(notebook=notebook)
    return [message["content"] for message in await client.history() if message["role"] == "user"]


async def ask_in(server: Server, connect: Connect, notebook: str, question: str) -> None:
    """Ask something in the notebook's session."""
    client = await connect(server)
    await client.start(notebook=notebook)
    await client.ask(question)


async def test_servers_with_one_store_have_notebooks_of_their_own(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """An Untitled.ipynb in another folder is another notebook, though both servers' sessions are in one store."""
    url = f"sqlite:///{tmp_path / 'sessions.db'}"
    here, there = serve(STORE__URL=url), serve(STORE__URL=url)
    await ask_in(here, connect, NAME, "A secret")
    assert await asked_in(there, connect, NAME) == []
    assert await asked_in(here, connect, NAME) == ["A secret"]
    client = await connect(there)
    listed = {session["notebook"] for session in (await client.request("session.list"))["sessions"]}
    assert listed == {NAME, str(here.work.resolve() / NAME)}


async def test_a_renamed_notebook_keeps_its_session(alone: Server, connect: Connect) -> None:
    """Also without a kernel, and where a folder above it is renamed; what comes under the old name is new."""
    await contents(alone, "PUT", "folder", {"type": "directory"})
    await new_notebook(alone, f"folder/{NAME}")
    await ask_in(alone, connect, f"folder/{NAME}", "Where am I?")
    await contents(alone, "PATCH", f"folder/{NAME}", {"path": "folder/Named.ipynb"})
    assert await asked_in(alone, connect, "folder/Named.ipynb") == ["Where am I?"]
    await contents(alone, "PATCH", "folder", {"path": "moved"})
    assert await asked_in(alone, connect, "moved/Named.ipynb") == ["Where am I?"]
    for old in (f"folder/{NAME}", "folder/Named.ipynb"):
        assert await asked_in(alone, connect, old) == []


async def test_a_new_notebook_of_a_deleted_ones_name_starts_afresh(alone: Server, connect: Connect) -> None:
    """The conversation goes with the file; it stays in the list of sessions, as nobody's notebook."""
    await new_notebook(alone, NAME)
    await ask_in(alone, connect, NAME, "Between us")
    await contents(alone, "DELETE", NAME)
    await new_notebook(alone, NAME)
    assert await asked_in(alone, connect, NAME) == []
    client = await connect(alone)
    titles = {
        session["title"]: session.get("notebook") for session in (await client.request("session.list"))["sessions"]
    }
    assert titles["Between us"] is None


async def test_a_copied_notebook_starts_its_own_session(alone: Server, connect: Connect) -> None:
    """What was said stays with the original."""
    await new_notebook(alone, NAME)
    await ask_in(alone, connect, NAME, "Only here")
    await contents(alone, "POST", "", {"copy_from": NAME})
    assert await asked_in(alone, connect, "Untitled-Copy1.ipynb") == []
    assert await asked_in(alone, connect, NAME) == ["Only here"]
