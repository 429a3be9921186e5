"""``Whisperer().plan``: a plan as Python gives it back."""

from __future__ import annotations

from typing import Any

from tests.notebook.conftest import Connect, OpenNotebook, Serve, scripted
from tests.notebook.kernel import Person
from tests.notebook.script import run_script

STEP = {"title": "Load", "what": "Read the file.", "check": "len(sales) > 0"}
PLAN: dict[str, Any] = {"title": "Clean sales", "goal": "Every row has an amount.", "steps": [STEP]}
SHOW = "from whisperer_kernel import Whisperer\nmade = Whisperer().plan_sync('clean my sales')\n"


async def test_plan(tmp_path: Any) -> None:
    """The plan comes with its steps and as markdown; Patricia made it, whoever is current."""
    environ = scripted(tmp_path, [[{"tool": "make_plan", "arguments": PLAN}], [{"text": "It is short."}]])
    code = SHOW + "print(made.plan.agent, made.plan.steps[0].check, made.reply)\nprint(made._repr_markdown_())"
    out, _ = await run_script(tmp_path, code, environ)
    lines = out.splitlines()
    assert lines[0] == "patricia len(sales) > 0 It is short."
    assert lines[1] == "# Clean sales"
    assert lines[-1] == "*Made by a demo model, which is often wrong: look at every step before you follow it.*"
    assert "- [ ] **1. Load** — check: `len(sales) > 0`" in lines


async def test_no_plan(tmp_path: Any) -> None:
    """Where she asks back instead, her words are the error's."""
    environ = scripted(tmp_path, [[{"text": "Which sales?"}]])
    code = SHOW.replace("made = ", "try: ") + "except Exception as error: print(type(error).__name__, error)"
    out, _ = await run_script(tmp_path, code, environ)
    assert out.strip() == "NoPlan Which sales?"


async def test_plan_that_is_not_put_in(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """After a no at the cell the plan is a value all the same; what was asked named each text and showed the code."""
    step = {**STEP, "code": "sales = read()\nsales.head()"}
    server = serve([[{"tool": "make_plan", "arguments": {**PLAN, "steps": [step]}}], [{"text": "It is short."}]])
    kernel = await notebook(server)
    page = await connect(server)
    await page.start(kernelId=kernel.id, clientTools=["insert_cells"])
    code = "from whisperer_kernel import Whisperer\nmade = await Whisperer().plan('clean my sales')\nmade"
    cell = await kernel.run(code, person=Person("n"))
    assert cell.error == ""
    assert "# Clean sales" in cell.shown["text/markdown"]
    asked = cell.printed
    assert "    markdown cell: # Clean sales (lines: " in asked
    assert "    # code\n    sales = read()\n    sales.head()" in asked
    assert "Every row has an amount." not in asked
    assert not page.seen("ToolCallNotification", toolName="insert_cells", status="done")
