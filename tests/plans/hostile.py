"""Texts that want to be more than text in a notebook, and plans that hold them everywhere."""

from __future__ import annotations

from hypothesis import strategies as st

from whisperer_kernel.plans.cells import plan_cells
from whisperer_kernel.plans.model import Plan, Step

ENDS = ["\n", "\r", "\r\n", "\n\n", "\r\r", "\v", "\f", "\x1c", "\x1e", "\x85", "\u2028", "\u2029", "\n    ", "\n\t"]
MARKS = [
    *("`", "``", "```", "~~~", "$", "$$", "\\", "\\\\", "|", ":", "-", ":-", "-:", "!", "[", "]", "(", ")", "<", ">"),
    *("#", "*", "_", "~", "&", "@", "{", "}", "=", "+", ".", "/"),
    *(" ", "  ", "a", "b", "0", "\x00", "\u200b", "\u00a0"),
]
PICTURE = "![x](https://a.example/x.png)"
LIVE = [
    PICTURE,
    "![x][y]",
    "[y]: https://a.example/y.png",
    "<img src=https://a.example/h.png>",
    "<img/src='//a.example/h.png'>",
    "<!--",
    "-->",
    "<div>",
    "</code>",
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
    "```mermaid\ngraph TD; A-->B\n```",
    "a | b\n- | -\n",
    "head\n:-\n",
    "- [ ] ",
    "1. ",
    "# ",
    "> ",
    "***",
    "---\n",
    f"x\r\r{PICTURE}\r",
    f"`a\r\r{PICTURE}\r\rb`",
    "`a\u2028\u2028<img src='//a.example/x.png'>\u2028\u2028b`",
    f"head\n:-\n`{PICTURE} | `",
    "see HTTPS://a.example/x or www.a.example or a@a.example",
    "\\(\\href{https://a.example}{x}\\) \\begin{align}\\href{https://a.example}{x}\\end{align}",
    f"`\\begin{{x}} `\n{PICTURE} `\\end{{x}}`",
    f"\\end{{x}} ` {PICTURE}",
]
# The elements that words, code, headings and lists are made of.
HARMLESS = {"p", "h1", "h2", "h3", "strong", "em", "code", "pre", "span", "ul", "ol", "li", "input", "hr", "br", "div"}
TEXTS = st.lists(st.sampled_from([*ENDS, *MARKS, *LIVE]) | st.text(max_size=3), max_size=14).map("".join)


def everywhere(text: str, other: str = "", more: str = "") -> Plan:
    """A plan with these texts in every field: the first where no other is given."""
    other, more = other or text, more or text
    steps = [
        Step(step_id="s1", title=text, why=other, what=more, check=text),
        Step(step_id="s2", title=other, why=more, what=text, check=more, status="failed"),
    ]
    return Plan(plan_id="p", title=text, goal=other, steps=steps, agent="a", created="", message_id="m")


def sources(plan: Plan) -> list[str]:
    """The plan's markdown cells."""
    return [cell["source"] for cell in plan_cells(plan) if cell["type"] == "markdown"]
