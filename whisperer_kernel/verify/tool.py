"""Tessa's tool: candidates are run before anybody sees them; what passed becomes one cell, what did not is reported."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import msgspec

from whisperer_kernel.events import TestsReported
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tests import RESULT_CHARS, TIMEOUT_S as RUN_S, Target
from whisperer_kernel.tools.tool import ToolContext, ToolFailed, tool
from whisperer_kernel.verify.placing import NONE_PASSED, UNANSWERED, put_in
from whisperer_kernel.verify.report import Origin, Outcome, Report, RunReport, cell_of, counted, counts

TIMEOUT_S = RUN_S + 60.0
ATTEMPTS = 4
MAX_REASON = 1_200

Tests = Annotated[
    str,
    msgspec.Meta(
        max_length=100_000,
        description=(
            "pytest code with every import, fixture and helper it needs; call the target by its name, do not import "
            "it. Empty: tests that record what the code does today."
        ),
    ),
]
Intent = Annotated[
    str, msgspec.Meta(max_length=2_000, description="What the target is meant to do, as docstring and person say.")
]


@tool(effect="read", tags={"tests"}, timeout_s=TIMEOUT_S, attempts=ATTEMPTS, result_chars=RESULT_CHARS)
async def make_tests(context: ToolContext, target: Target, tests: Tests = "", intent: Intent = "") -> str:
    """Run pytest tests of a function in the kernel, isolated; put those that pass into the notebook as one cell.

    The result says for each test whether it passed, and why not. A test that failed is not put in: say whether the
    code or the test is wrong.
    """
    origin: Origin = "model" if tests.strip() else "characterisation"
    run = await _run(context, target, tests)
    report = await _placed(context, run, origin, intent)
    await context.tell(_told(report))
    return in_words(report)


def register(registry: ToolRegistry) -> None:
    """Add what tests need."""
    registry.register(make_tests)


def in_words(report: Report) -> str:
    """The report for the model and for the person: what ran, where it stands, and everything that did not pass."""
    lines = [f"Tests of `{report.target}`: {counted(report.outcomes)}. {report.placing}".strip()]
    if report.origin == "characterisation":
        lines.append("They record what the code does today, its mistakes included; nobody has said what is right.")
    lines += [_not_passed(one) for one in report.outcomes if one.verdict != "passed"]
    if report.missing:
        lines.append("The isolated process did not get: " + "; ".join(report.missing))
    lines += [f"Note: {note}" for note in report.notes]
    if report.cell and not report.inserted:
        lines.append(f"```python\n{report.cell}\n```")
    return "\n\n".join(lines)


async def _run(context: ToolContext, target: str, tests: str) -> RunReport:
    """Have the kernel run them. Raises ``ToolFailed``."""
    if tests.strip():
        answer = await context.ask_client("run_tests", {"target": target, "tests": tests})
    else:
        answer = await context.ask_client("record_behaviour", {"target": target})
    try:
        run = msgspec.json.decode(answer, type=RunReport)
    except msgspec.MsgspecError as error:
        raise ToolFailed(f"The kernel's answer is no report of a test run: {error}") from error
    if not run.outcomes:
        raise ToolFailed("\n".join(["There is no test in this code.", *run.notes]))
    return run


async def _placed(context: ToolContext, run: RunReport, origin: Origin, intent: str) -> Report:
    """The report, after what passed was put into the notebook, or could not be."""
    report_id = uuid4().hex
    cell = cell_of(run, origin)
    report = Report(
        report_id=report_id,
        message_id=context.message_id,
        target=run.target,
        origin=origin,
        outcomes=run.outcomes,
        counts=counts(run.outcomes),
        cell=cell,
        placing=UNANSWERED if cell else NONE_PASSED,
        missing=run.missing,
        notes=run.notes,
        intent=intent,
        seconds=run.seconds,
    )
    if not cell:
        return report
    context.if_unanswered(in_words(report), _told(report))
    inserted, placing = await put_in(context, run.target, cell, report_id)
    return msgspec.structs.replace(report, inserted=inserted, placing=placing)


def _told(report: Report) -> TestsReported:
    return TestsReported(report=msgspec.to_builtins(report))


def _not_passed(one: Outcome) -> str:
    reason = one.reason if len(one.reason) <= MAX_REASON else f"{one.reason[:MAX_REASON]} …"
    return f"- {one.name}: {one.verdict}\n```\n{reason}\n```"
