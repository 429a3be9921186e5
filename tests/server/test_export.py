"""A conversation as a file."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from tests.fakes.provider import FakeProvider, Reply
from tests.server.client import Client, RpcError
from tests.server.conftest import Connect

ANSWER = """Like this <script>alert(1)</script> ![x](http://evil.example/p.png):

```python
def double(x: int) -> int:
    return 2 * x  # <b>
```

or in a shell:

```sh
echo "<i>"
```
"""


@pytest.fixture
async def told(client: Client, provider: FakeProvider) -> Client:
    """A conversation with a question, an answer with code, and a turn that failed."""
    await client.start(notebook="work/doubles.ipynb", new=True)
    provider.script(Reply.answer(ANSWER))
    await client.ask("How do I *double* a number?")
    await client.request("session.set_model", sessionId=client.session_id, model="fault-401")
    await client.ask("And now?")
    return client


async def exported(client: Client, form: str) -> str:
    """The text of the file."""
    content: str = (await client.request("session.export", sessionId=client.session_id, format=form))["content"]
    return content


async def test_json_holds_everything_to_the_letter(told: Client) -> None:
    """Messages as they were, with how they ended, and whose they are."""
    session: dict[str, Any] = json.loads(await exported(told, "json"))
    assert (session["sessionId"], session["notebook"]) == (told.session_id, "work/doubles.ipynb")
    assert session["messages"] == await told.history()
    assert ANSWER in [message["content"] for message in session["messages"]]


async def test_markdown_can_be_read_and_brings_nothing_along(told: Client) -> None:
    """Every message under its author; no HTML, no picture; code to the letter; a failure in words."""
    text = await exported(told, "markdown")
    assert text.startswith("# How do I &#42;double&#42; a number?\n")
    assert text.index("## You") < text.index("How do I *double*") < text.index("## Alice", text.index("## You"))
    assert "<script>" not in text
    assert "![x]" not in text
    assert "def double(x: int) -&#62; int:" in text
    assert "did not accept the key" in text.rsplit("## Alice", 1)[1]


async def test_notebook_is_valid_and_python_is_a_cell(told: Client) -> None:
    """Python of a reply can be run, what else was said stands around it; a question's code is not made to run."""
    book = nbformat.reads(await exported(told, "ipynb"), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(book)
    assert [cell.source for cell in book.cells if cell.cell_type == "code"] == [
        "def double(x: int) -> int:\n    return 2 * x  # <b>"
    ]
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert "<script>" not in prose
    assert "echo &#34;&#60;i&#62;&#34;" in prose


async def test_what_cannot_be_exported_is_said(told: Client, connect: Connect) -> None:
    """An unknown format, an unknown session."""
    for params, code in (({"format": "pdf"}, -32602), ({"format": "json", "sessionId": "none"}, -32002)):
        with pytest.raises(RpcError) as refused:
            await told.request("session.export", **{"sessionId": told.session_id, **params})
        assert refused.value.code == code
    said = await told.request("dispatchCommand", sessionId=told.session_id, command="/export ipynb")
    assert json.loads(said["output"])["nbformat"] == 4
    with pytest.raises(RpcError, match="no such format"):
        await told.request("dispatchCommand", sessionId=told.session_id, command="/export pdf")
    other = await connect()
    assert await exported_by(other, told.session_id) == await exported(told, "markdown")


async def exported_by(client: Client, session_id: str) -> str:
    """A session that is not this connection's current one."""
    content: str = (await client.request("session.export", sessionId=session_id, format="markdown"))["content"]
    return content
