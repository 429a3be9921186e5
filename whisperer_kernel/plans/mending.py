"""What of a small model's draft can be put right without it: what is said twice, cut off, or no check at all."""

from __future__ import annotations

import ast

import msgspec

from whisperer_kernel.plans.model import Draft, StepDraft, distinct, title_key

TITLE, GOAL, STEP_TITLE, WHAT, CHECK = 60, 120, 40, 100, 60
"""Where the texts of a small model's draft are cut, in characters."""

FEWEST = 2
"""Titles that make a plan."""

NO_CHECK = "False  # the model gave no check that can be run: look for yourself"
"""Never holds by itself, so that no step counts as done for it."""


def mended(draft: Draft) -> Draft:
    """The draft with each step once and under a title of its own, without half words, and with checks that are Python.

    One that gives the same title over and over stays as it is, to be refused.
    """
    if len({title_key(step.title) for step in draft.steps}) < FEWEST:
        return draft
    return msgspec.structs.replace(
        draft,
        title=_uncut(draft.title, TITLE),
        goal=_uncut(draft.goal, GOAL),
        steps=distinct([_whole(step) for step in draft.steps]),
    )


def _whole(step: StepDraft) -> StepDraft:
    return msgspec.structs.replace(
        step,
        title=_uncut(step.title, STEP_TITLE),
        what=_uncut(step.what, WHAT),
        check=step.check if _is_check(step.check) else NO_CHECK,
    )


def _uncut(text: str, longest: int) -> str:
    """On one line; where it was cut the last word is taken for a half one."""
    line = " ".join(text.split())
    return line if len(text) < longest else f"{line.rpartition(' ')[0] or line} …"


def _is_check(check: str) -> bool:
    """Whether it is Python that looks at something: what names nothing holds before anything was done, or never."""
    try:
        tree = ast.parse(check.strip())
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(isinstance(node, ast.Compare | ast.Call | ast.Assert | ast.BoolOp) for node in ast.walk(tree))
