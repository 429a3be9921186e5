"""What a model writes into a plan is text in the notebook: rendered by JupyterLab itself it is nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.browser.lab import Notebook
from whisperer_kernel.plans.cells import plan_cells
from whisperer_kernel.plans.model import Plan, Step

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
HARMLESS = {"p", "h1", "h2", "h3", "strong", "em", "code", "pre", "span", "ul", "ol", "li", "input", "hr", "br", "div"}

ENDS = ["\n", "\r", "\r\n", "\n\n", "\r\r", "\v", "\f", "\x1c", "\x1e", "\x85", "\u2028", "\u2029", "\n    ", "\n\t"]
MARKS = ["`", "``", "```", "~~~", "$", "$$", "\\", "\\\\", "|", ":", "-", ":-", "-:", "!", "[", "]", "(", ")", "<", ">"]
MORE = [
    "#",
    "*",
    "_",
    "~",
    "&",
    "@",
    "{",
    "}",
    "=",
    "+",
    ".",
    "/",
    " ",
    "  ",
    "a",
    "b",
    "0",
    "\x00",
    "\u200b",
    "\u00a0",
]
LIVE = [
    "![x](https://a.example/x.png)",
    "![x][y]",
    "[y]: https://a.example/y.png",
    "<img src=https://a.example/h.png>",
    "<img/src='//a.example/h.png'>",
    "<!--",
    "-->",
    "<div>",
    "<https://a.example>",
    "[x](https://a.example)",
    "HTTPS://a.example",
    "ftp://a.example",
    "www.a.example",
    "WWW.a.example",
    "mailto:a@a.example",
    "xmpp:a@a.example",
    "a@a.example",
    "&lt;img src=x&gt;",
    "&#60;",
    "$x$",
    "$$x$$",
    "\\(\\href{https://a.example}{x}\\)",
    "\\\\(x\\\\)",
    "\\\\[x\\\\]",
    "\\begin{align}",
    "\\end{align}",
    "\\begin{x}",
    "\\end{x}",
    "@@0@@",
    "```mermaid\n",
    "a | b\n- | -\n",
    "head\n:-\n",
    "- [ ] ",
    "1. ",
    "# ",
    "> ",
    "***",
    "---\n",
]
TEXTS = st.lists(st.sampled_from([*ENDS, *MARKS, *MORE, *LIVE]) | st.text(max_size=3), max_size=14).map("".join)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan that holds anything anywhere."""
    steps = [
        Step(
            step_id=f"s{number}",
            title=draw(TEXTS),
            why=draw(TEXTS),
            what=draw(TEXTS),
            check=draw(TEXTS),
            status=draw(st.sampled_from(["open", "doing", "done", "failed", "skipped"])),
        )
        for number in range(1, draw(st.integers(2, 4)))
    ]
    return Plan(
        plan_id="p",
        title=draw(TEXTS),
        goal=draw(TEXTS),
        steps=steps,
        agent="patricia",
        created="2026-01-01T00:00:00+00:00",
        message_id="m",
        demo=draw(st.booleans()),
    )


def sources(plan: Plan) -> list[str]:
    """The plan's markdown cells."""
    return [cell["source"] for cell in plan_cells(plan) if cell["type"] == "markdown"]


def rendered(notebook: Notebook, markdown: list[str]) -> list[set[str]]:
    """What elements each source becomes."""
    made: list[list[str]] = notebook.do(RENDER, markdown)
    return [{*elements} for elements in made]


def assert_text(notebook: Notebook, many: list[Plan]) -> None:
    """Nothing in these plans becomes more than text, code, headings and lists."""
    cells = [source for plan in many for source in sources(plan)]
    for source, elements in zip(cells, rendered(notebook, cells), strict=True):
        assert elements <= HARMLESS, f"{elements - HARMLESS} of {source!r}"


def everywhere(text: str) -> Plan:
    """A plan with this text in every field."""
    fields: dict[str, Any] = dict.fromkeys(("title", "why", "what", "check"), text)
    steps = [Step(step_id=f"s{number}", **fields) for number in (1, 2)]
    return Plan(plan_id="p", title=text, goal=text, steps=steps, agent="a", created="", message_id="m")


@pytest.mark.parametrize("markdown", [*LIVE[:1], "<img src=x>", "<a href='//a.example'>x</a>", "www.a.example", "$x$"])
def test_the_renderer_is_one(shared_tab: Notebook, markdown: str) -> None:
    """What is not escaped becomes live, so that the other tests of this module test something."""
    (elements,) = rendered(shared_tab, [markdown])
    assert elements - HARMLESS


@pytest.mark.parametrize(
    "text",
    [
        *LIVE,
        "x\r\r![x](https://a.example/x.png)\r",
        "`a\r\r![x](https://a.example/x.png)\r\rb`",
        "`a\u2028\u2028<img src='//a.example/x.png'>\u2028\u2028b`",
        "head\n:-\n`![x](https://a.example/x.png) | `",
        "head\n-:\n`<img src=//a.example/x.png> | `",
        "see HTTPS://a.example/x or www.a.example or a@a.example",
        "\\(\\href{https://a.example}{x}\\) \\begin{align}\\href{https://a.example}{x}\\end{align}",
        "```mermaid\ngraph TD; A-->B\n```",
        "`\\begin{x} `\n![x](https://a.example/x.png) `\\end{x}`",
    ],
)
def test_nothing_comes_to_life(shared_tab: Notebook, text: str) -> None:
    """No picture, link, HTML, table, diagram or mathematics comes out of any field of a plan."""
    assert_text(shared_tab, [everywhere(text)])


@given(st.lists(plans(), min_size=1, max_size=20))
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_comes_to_life_of_anything(shared_tab: Notebook, many: list[Plan]) -> None:
    """Nor of what nobody has thought of."""
    assert_text(shared_tab, many)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@given(st.lists(plans(), min_size=1, max_size=20))
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_comes_to_life_of_much_more(shared_tab: Notebook, many: list[Plan]) -> None:
    """Nor in thousands of plans, others each time."""
    assert_text(shared_tab, many)
