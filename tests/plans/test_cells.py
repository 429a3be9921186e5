"""A plan as cells: all of it is there, and nothing that a model wrote becomes more than text."""

from __future__ import annotations

import re

import msgspec

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


def test_markup_stays_text() -> None:
    """No picture is loaded, no link made, no HTML passed on; checks keep their characters."""
    hostile = "![x](https://a.example/x.png) <img src=x> [y](http://b.example) https://c.example"
    cells = plan_cells(plan(step(hostile[:100], what=hostile, why=hostile, check="`<b>` in s and s['`'] == '![x](y)'")))
    for cell in cells:
        prose = cell["source"].replace("`` `<b>` in s and s['`'] == '![x](y)' ``", "").replace("- [ ]", "")
        unescaped = re.sub(r"\\.", "", prose)
        assert not {*"<>[]!`"} & {*unescaped}
        assert not re.search(r"https?://", prose)


def test_stray_backtick_opens_nothing() -> None:
    """A backtick in a title cannot pair with those around the check and set free what stands between them."""
    checklist = plan_cells(plan(step("a ` b", check="'![x](y)' in s")))[0]["source"]
    assert "**1. a \\` b** — check: `'![x](y)' in s`" in checklist


def test_check_of_several_lines() -> None:
    """A check that takes more lines is a block at its step, in a fence that it cannot close."""
    heading = plan_cells(plan(step("a", check="assert x\n```\nassert y")))[1]["source"]
    assert "**Check:**\n\n````python\nassert x\n```\nassert y\n````" in heading
