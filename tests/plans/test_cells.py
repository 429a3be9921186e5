"""A plan as cells: all of it is there, and nothing that a model wrote becomes more than text."""

from __future__ import annotations

import re

import msgspec
import pytest

from tests.plans.test_model import plan, step
from whisperer_kernel.plans.cells import DEMO, markdown, plan_cells
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


def test_markup_stays_text() -> None:
    """No picture is loaded, no link made, no HTML passed on; checks keep their characters."""
    hostile = "![x](https://a.example/x.png) <img src=x> [y](http://b.example) https://c.example"
    cells = plan_cells(plan(step(hostile[:100], what=hostile, why=hostile, check="`<b>` in s and s['`'] == '![x](y)'")))
    for cell in cells:
        prose = cell["source"].replace("`` `<b>` in s and s['`'] == '![x](y)' ``", "").replace("- [ ]", "")
        unescaped = re.sub(r"\\.", "", prose)
        assert not {*"<>[]`@"} & {*unescaped}
        assert not re.search(r"https?://", prose)


def test_stray_backtick_opens_nothing() -> None:
    """A backtick in a title cannot pair with those around the check and set free what stands between them."""
    checklist = plan_cells(plan(step("a ` b", check="'![x](y)' in s")))[0]["source"]
    assert "**1. a \\` b** — check: `'![x](y)' in s`" in checklist


@pytest.mark.parametrize("end", ["\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_every_end_of_a_line_is_one(end: str) -> None:
    """Code in backticks ends with its line, whatever ends it, and a check of such lines is a block."""
    picture = f"`a{end}{end}![x](https://a.example/x.png){end}{end}b`"
    checklist, heading = (cell["source"] for cell in plan_cells(plan(step("a", what=picture, check=f"x{end}y{end}"))))
    assert "\\`a\n\n!\\[x\\](https\\://a.example/x.png)\n\nb\\`" in heading
    assert "```python\nx\ny\n```" in heading
    assert checklist.splitlines()[-1] == "- [ ] **1. a**"


def test_mathematics_is_code() -> None:
    """Words with dollars or backslashes are code, which is never typeset; side by side they stay apart."""
    words = r"\(\href{https://a.example}{x}\) costs $5 `a`$6 C:\dir"
    heading = plan_cells(plan(step("a", what=words)))[1]["source"]
    assert r"`\(\href{https://a.example}{x}\)` costs `$5` `a` `$6` `C:\dir`" in heading


def test_mathematics_in_one_item_does_not_swallow_the_next() -> None:
    """Where checks hold what begins and ends mathematics, an empty line stands between the items."""
    checklist = plan_cells(plan(step("a", check=r"r'\begin{x}'"), step("b", check=r"r'\end{x}'")))[0]["source"]
    assert "check: `r'\\begin{x}'`\n\n- [ ] **2. b**" in checklist


def test_check_of_several_lines() -> None:
    """A check that takes more lines is a block at its step, in a fence that it cannot close."""
    heading = plan_cells(plan(step("a", check="assert x\n```\nassert y")))[1]["source"]
    assert "**Check:**\n\n````python\nassert x\n```\nassert y\n````" in heading
