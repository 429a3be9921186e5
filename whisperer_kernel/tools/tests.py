"""Tools that run tests. They are carried out in the kernel's environment, in isolated processes with limits.

They run code, so the gate sees them as what they are: a yes for the session holds for tests of one target. Models are
not offered them: what is run for a model is run by ``make_tests``, all candidates at once, so that a person is asked
once.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from whisperer_kernel.tools.tool import CarriedOutByClient, ToolContext, tool

TIMEOUT_S = 120.0
RESULT_CHARS = 300_000

Target = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*$",
        max_length=200,
        description="Name of a function or class that is defined in the kernel.",
    ),
]
TestCode = Annotated[str, msgspec.Meta(max_length=100_000, description="pytest code; the target is there by its name.")]


def _to_be_run(arguments: dict[str, Any]) -> str:
    return f"Run these tests of {arguments.get('target')} in an isolated process:\n\n{arguments.get('tests')}"


def _to_be_called(arguments: dict[str, Any]) -> str:
    return f"Call {arguments.get('target')} in an isolated process, with values at the edges of what it takes."


@tool(
    effect="run",
    tags={"tests", "verification"},
    executor="client",
    timeout_s=TIMEOUT_S,
    result_chars=RESULT_CHARS,
    granted=("target",),
    preview=_to_be_run,
)
async def run_tests(context: ToolContext, target: Target, tests: TestCode) -> str:
    """Run pytest tests of the target in an isolated process; the outcome of each, as JSON."""
    raise CarriedOutByClient


@tool(
    effect="run",
    tags={"tests", "verification"},
    executor="client",
    timeout_s=TIMEOUT_S,
    result_chars=RESULT_CHARS,
    granted=("target",),
    preview=_to_be_called,
)
async def record_behaviour(context: ToolContext, target: Target) -> str:
    """Make and run tests that record what the target does today; the outcome of each, as JSON."""
    raise CarriedOutByClient


TOOLS = (run_tests, record_behaviour)
