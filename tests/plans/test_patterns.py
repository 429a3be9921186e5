"""Plans that follow a fixed pattern: chosen by the goal's words, whole, and with checks that are false at first."""

from __future__ import annotations

import pytest

from whisperer_kernel.plans.model import mistakes
from whisperer_kernel.plans.patterns import after_pattern, pattern_for

GOALS = {
    "Plan an analysis of a year of sales in a CSV file.": "data",
    "Plan how to find out why my model overfits.": "learning",
    "Plan a function that parses dates from text, with tests.": "program",
    "Make a plan to compare the blood pressure of two groups of patients.": "data",
    "Plan how to clean a table of customer addresses.": "data",
    "Make a plan to predict house prices from houses.csv.": "learning",
    "Plan a scraper for a weather page.": "program",
    "I need a plan for a chart of monthly visitors.": "data",
    "Plan how to speed up a slow pandas script.": "fault",
    "Plan a small game of Tic-Tac-Toe in Python.": "program",
    "Plan how to find out why my loop never ends.": "fault",
    "Plan learning NumPy in one week.": "general",
    "Make a plan. The goal: wind speed over a year, as a chart": "data",
    "plan": "general",
    "x" * 5_000: "general",
}


@pytest.mark.parametrize("goal", GOALS)
def test_plan_of_a_goal(goal: str) -> None:
    """Whatever the goal, a plan without mistakes comes of it, and of no check that it holds before anything is done."""
    pattern = pattern_for(goal)
    draft = after_pattern(pattern, goal)
    assert pattern.name == GOALS[goal]
    assert mistakes(draft) == []
    assert len(draft.steps) == 6
    for step in draft.steps:
        with pytest.raises(NameError):
            eval(step.check, {})  # noqa: S307 - ours, each of them


@pytest.mark.parametrize(
    ("goal", "title"),
    [
        ("Plan how to clean my table.", "Clean my table"),
        ("Please make me a plan for a game", "A game"),
        ("I want to analyse sales.csv", "Analyse sales.csv"),
        ("Make a plan. The goal: Plan how to mend the gaps.", "Mend the gaps"),
        ("plan", "Plan"),
    ],
)
def test_title_is_the_persons_words(goal: str, title: str) -> None:
    """Without those by which the plan was asked for."""
    draft = after_pattern(pattern_for(goal), goal)
    assert (draft.title, draft.goal) == (title, title)
