"""A plan as cells: all of it is there, and nothing that a model wrote becomes more than text."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from nbconvert.filters import markdown2html

from tests.plans.hostile import HARMLESS, LIVE, PICTURE, TEXTS, everywhere, sources
from tests.plans.test_model import plan, step
from whisperer_kernel.plans.cells import DEMO, markdown, plan_cells
from whisperer_kernel.plans.model import Plan
from whisperer_kernel.tools.cells import NewCell


def test_cells() -> None:
    """The checklist first; then per step its heading, and its code where there is any."""
    cells = plan_cells(plan(step("Load", why="It comes first.", code="x = 1"), step("Look", "Load")))
    assert [(cell.type, cell.kind) for cell in msgspec.convert(cells, list[NewCell])] == [
        ("markdown", "plan"),
        ("markdown", "step"),
        ("code", "code"),
        ("markdown", "step"),
    ]
    assert [(cell["plan_id"], cell.get("step_id")) for cell in cells] == [
        ("p", None),
        ("p", "s1"),
        ("p", "s1"),
        ("p", "s2"),
    ]
    assert cells[0]["source"] == (
        "# A plan\n\n**Goal:** It is done.\n\n- [ ] **1. Load** — check: `x == 1`\n- [ ] **2. Look** — check: `x == 1`"
    )
    assert cells[1]["source"] == "## 1. Load\n\nIt comes first.\n\nDo it.\n\n**Check:** `x == 1`"
    assert cells[3]["source"].endswith("After step 1.")


def test_ticks() -> None:
    """What is done is ticked; what failed or was skipped says so."""
    first = plan(step("a"), step("b"), step("c"))
    statuses = ("done", "failed", "open")
    steps = [msgspec.structs.replace(one, status=status) for one, status in zip(first.steps, statuses, strict=True)]
    items = markdown(msgspec.structs.replace(first, steps=steps)).splitlines()[-3:]
    assert [item.split(" — ")[0] for item in items] == ["- [x] **1. a**", "- [ ] **2. b** (failed)", "- [ ] **3. c**"]


def test_demo_says_so() -> None:
    """A plan of the built-in model is labelled."""
    first = plan(step("a"))
    assert DEMO not in markdown(first)
    assert markdown(msgspec.structs.replace(first, demo=True)).endswith(DEMO)


class Elements(HTMLParser):
    """The elements of an HTML text, but for nbconvert's anchors at headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One more."""
        if ("class", "anchor-link") not in attrs:
            self.names.add(tag)


def assert_text(first: Plan) -> None:
    """Nothing in a plan becomes more than text, code, headings and lists, as nbconvert renders it."""
    for source in sources(first):
        elements = Elements(markdown2html(source)).names
        assert elements <= HARMLESS, f"{elements - HARMLESS} of {source!r}"


@pytest.mark.parametrize("text", LIVE)
def test_nothing_comes_to_life(text: str) -> None:
    """No picture, link, HTML or table comes out of any field."""
    assert_text(everywhere(text))


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=500, derandomize=True, deadline=None)
def test_nothing_comes_to_life_of_anything(title: str, why: str, what: str) -> None:
    """Nor of what nobody has thought of."""
    assert_text(everywhere(title, why, what))


def test_what_is_more_than_words_is_code() -> None:
    """Words stay as they are, marks and addresses are code, and code keeps its characters."""
    words = "R&D: read `a[0]`, see (https://a.example) & keep_this, $5 `a`$6"
    heading = plan_cells(plan(step("a", what=words, check="df['a'].notna()")))[1]["source"]
    assert (
        "R&D: read `a[0]`, see `(https://a.example)` & `keep_this,` <code>&#36;5</code> `a`<code>&#36;6</code>"
    ) in heading
    assert heading.endswith("**Check:** `df['a'].notna()`")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_every_end_of_a_line_is_one(end: str) -> None:
    """Code in backticks ends with its line, whatever ends it, and a check of such lines is a block."""
    picture = f"`a{end}{end}{PICTURE}{end}{end}b`"
    checklist, heading = (cell["source"] for cell in plan_cells(plan(step("a", what=picture, check=f"x{end}y{end}"))))
    assert f"<code>&#96;</code>a\n\n`{PICTURE}`\n\nb<code>&#96;</code>" in heading
    assert "```python\nx\ny\n```" in heading
    assert checklist.splitlines()[-1] == "- [ ] **1. a**"


def test_stray_backtick_opens_nothing() -> None:
    """A backtick in a title cannot pair with those around the check and set free what stands between them."""
    checklist = plan_cells(plan(step("a ` b", check=f"'{PICTURE}' in s")))[0]["source"]
    assert f"**1. a <code>&#96;</code> b** — check: `'{PICTURE}' in s`" in checklist


def test_check_of_several_lines() -> None:
    """A check that takes more lines is a block at its step, which it cannot close."""
    heading = plan_cells(plan(step("a", check="assert x\n```\nassert y")))[1]["source"]
    assert "**Check:**\n\n<pre><code>assert x\n&#96;&#96;&#96;\nassert y</code></pre>" in heading
