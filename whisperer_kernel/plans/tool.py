"""Patricia's tool: a plan out of a model's draft, whole or not at all, and its cells in the notebook."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec

from whisperer_kernel.agents.questions import is_question
from whisperer_kernel.plans.cells import PATTERN, markdown, plan_cells, updated
from whisperer_kernel.plans.mending import CHECK, GOAL, STEP_TITLE, TITLE, WHAT, mended
from whisperer_kernel.plans.model import MAX_STEPS, Draft, Plan, StepDraft, made, mistakes
from whisperer_kernel.plans.patterns import after_pattern, pattern_for
from whisperer_kernel.tools.cells import inserted_by
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.replyshape import ReplyShape
from whisperer_kernel.tools.tool import Misused, ToolContext, ToolFailed, tool

ATTEMPTS = 2
TIMEOUT_S = 90.0
"""Longer than a client may take to insert cells; the time in which the person is asked does not count."""

REFUSAL = (
    "I have no plan for this: what the model wrote was none, twice. Ask again in other words, in one sentence that "
    "says what will be true at the end, or choose a larger model with the button beside the provider's name."
)

_WANTED = re.compile(
    r"\bplan(s|e|en|t|ning|ned|ner|ifi\w*|o|ear|ifica\w*)?\b|план|计划|計画|계획"
    r"|\bi (want|need|would like|have) to\b|\bi'd like to\b|\bhelp me\b|\bmy goal\b|\bich (will|möchte|muss)\b",
    re.IGNORECASE,
)


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 3, "maxLength": longest}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _mended(arguments: dict[str, Any]) -> dict[str, Any]:
    """What is no draft at all stays as it is, and is refused for what it is."""
    try:
        draft = msgspec.convert(arguments, Draft)
    except msgspec.ValidationError:
        return arguments
    mended_draft: dict[str, Any] = msgspec.to_builtins(mended(draft))
    return mended_draft


# A small model fills this within some hundred tokens; what it leaves out, dependencies and code, a plan can do without.
SHAPE = ReplyShape(
    schema=_object(
        title=_text(TITLE),
        goal=_text(GOAL),
        steps={
            "type": "array",
            "minItems": 3,
            "maxItems": 4,
            "items": _object(title=_text(STEP_TITLE), what=_text(WHAT), check=_text(CHECK)),
        },
    ),
    # Without the penalty the demo model gives every step the same title.
    parameters={"max_tokens": 600, "temperature": 0.7, "frequency_penalty": 0.5},
    instructions=(
        "Answer with a plan as JSON: a title, the goal, and the steps. Every step has a title of its own, what is "
        "done, and a check: a short line of Python that is true when the step is done."
    ),
    wanted=lambda message: _WANTED.search(message) is not None and not is_question(message),
    refusal=REFUSAL,
    for_demo=lambda message: {"title": "", "goal": message, "steps": []},
    mend=_mended,
)


@tool(effect="read", tags={"plans"}, timeout_s=TIMEOUT_S, attempts=ATTEMPTS, shape=SHAPE)
async def make_plan(
    context: ToolContext,
    title: Annotated[str, msgspec.Meta(description="What the plan is called, on one line.")],
    goal: Annotated[str, msgspec.Meta(description="One sentence: what will be true at the end.")],
    steps: Annotated[
        list[StepDraft], msgspec.Meta(description=f"In the order in which they are done, {MAX_STEPS} at most.")
    ],
) -> str:
    """Make a plan and put it into the notebook as cells. Mistakes are named; mend them and call once more."""
    draft, pattern = Draft(title=title, goal=goal, steps=steps), None
    if context.provider.demo and not steps:
        draft, pattern = after_pattern(pattern_for(goal), goal), pattern_for(goal).name
    if found := mistakes(draft):
        raise Misused("No plan was made:\n" + "\n".join(f"- {mistake}" for mistake in found))
    plan = made(
        draft,
        plan_id=uuid4().hex,
        agent=context.agent,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        message_id=context.message_id,
        demo=context.provider.demo,
        pattern=pattern,
    )
    await context.tell(updated(plan))
    return await _shown(context, plan)


def register(registry: ToolRegistry) -> None:
    """Add what plans need."""
    registry.register(make_plan)


async def _shown(context: ToolContext, plan: Plan) -> str:
    """In words where the plan is now to be seen; where it is not in the notebook, the words are the plan itself."""
    steps = "1 step" if len(plan.steps) == 1 else f"{len(plan.steps)} steps"
    context.if_unanswered(f"The plan “{plan.title}” was made; it is not in the notebook. Its steps stand in the chat.")
    try:
        said = inserted_by(await context.ask_client("insert_cells", {"cells": plan_cells(plan)})).said
    except ToolFailed as error:
        words = f"The plan “{plan.title}” has {steps}. It is not in the notebook: {error}"
        return f"{words}\n\n{markdown(plan)}"
    words = f"The plan has {steps}. {said}" if said else f"The plan “{plan.title}” with {steps} is in the notebook."
    return words if plan.pattern is None else f"{words}\n\n{PATTERN}"
