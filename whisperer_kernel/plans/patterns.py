"""Fixed patterns of plans, for where the model is too small to make one: steps for a kind of goal, told by its words.

Each step's check is false, or raises since a name is not there yet, before the step is done.
"""

from __future__ import annotations

import re

import msgspec

from whisperer_kernel.plans.model import MAX_GOAL, MAX_TITLE, Draft, StepDraft

# How a plan is asked for, before the goal itself is named.
_ASKED = re.compile(
    r"\W*(((please|can you|could you|i need|i want|make|write|give|create|draw up|me|us|a|the) )*plan\b"
    r"(\W+the goal:|:| how to| for| of| to| on)?|i (want|need|would like|have) to|i'd like to|help me( to)?)?\s*",
    re.IGNORECASE,
)


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """Steps for one kind of goal. ``told_by`` is the expression that finds a word of such goals."""

    name: str
    told_by: str
    steps: tuple[StepDraft, ...]


def pattern_for(goal: str) -> Pattern:
    """The pattern of which the goal's first telling word tells; a model that is to learn goes before all else."""
    found = {match.start(): pattern for pattern in PATTERNS if (match := _told(pattern, goal))}
    if _LEARNING in found.values():
        return _LEARNING
    return found[min(found)] if found else _GENERAL


def after_pattern(pattern: Pattern, goal: str) -> Draft:
    """The plan for a goal; title and goal are the person's own words.

    >>> after_pattern(pattern_for("Plan how to clean my table."), "Plan how to clean my table.").title
    'Clean my table'
    """
    words = " ".join(goal.split())
    # Twice: what is asked for may be asked for within a question of ours.
    wanted = _ASKED.sub("", _ASKED.sub("", words, count=1), count=1).rstrip(" .!?") or words
    title = wanted[:1].upper() + wanted[1:]
    return Draft(title=title[:MAX_TITLE], goal=title[:MAX_GOAL], steps=[*pattern.steps])


def _told(pattern: Pattern, goal: str) -> re.Match[str] | None:
    return re.search(pattern.told_by, goal, re.IGNORECASE)


def _step(title: str, what: str, check: str) -> StepDraft:
    return StepDraft(title=title, what=what, check=check)


_LEARNING = Pattern(
    name="learning",
    told_by=r"\b(predict|forecast|classif(y|ier)|regression|train(ing|ed)?\b|overfit|underfit|neural|machine learning"
    r"|my model)",
    steps=(
        _step(
            "Say what is predicted",
            "Name the column that is to be predicted as `target`, and how its error is measured.",
            "len(target) > 0",
        ),
        _step(
            "Keep a part for the end",
            "Split the data into `train` and `test`, and do not look at `test` before the end.",
            "len(train) > len(test) > 0",
        ),
        _step(
            "Make the simplest guess",
            "Predict the mean, or the commonest class, and note its error on `test` as `baseline_error`.",
            "baseline_error > 0",
        ),
        _step(
            "Fit a model",
            "Fit a simple `model` to `train`, and note its error there as `train_error`.",
            "train_error < baseline_error",
        ),
        _step(
            "Compare with what it has not seen",
            "Note the error on `test` as `test_error`: much above `train_error` means that the model overfits.",
            "test_error < baseline_error",
        ),
        _step(
            "Change one thing and compare again",
            "More data, fewer features or a simpler model: change one, fit again, note the error as `new_error`.",
            "new_error < test_error",
        ),
    ),
)
_FAULT = Pattern(
    name="fault",
    told_by=r"\b(why|bugs?|errors?|fix|fails?|failing|slow|speed(s|ing)? up|faster|debug|crash\w*|wrong|broken"
    r"|never ends)\b",
    steps=(
        _step(
            "Make it happen in one cell",
            "Write a cell that shows the fault, or measures the time; note what it gives as `before`.",
            "before is not None",
        ),
        _step(
            "Make it small",
            "Leave out everything without which it still happens; what is left is `smallest`.",
            "smallest is not None",
        ),
        _step(
            "Write down one guess",
            "Say in one sentence, as `guess`, what the cause may be and what would then be seen.",
            "len(guess) > 0",
        ),
        _step(
            "Test the guess",
            "Print or measure what the guess foretells, and note as `guess_holds` whether it is so.",
            "guess_holds in (True, False)",
        ),
        _step(
            "Change one thing",
            "Change the cause alone, run the first cell again, and note what it gives as `after`.",
            "after != before",
        ),
        _step(
            "Keep it mended",
            "Write a test that was red before the change, and note as `test_passes` that it passes now.",
            "test_passes",
        ),
    ),
)
_PROGRAM = Pattern(
    name="program",
    told_by=r"\b(functions?|program|script|apps?|games?|scrap\w+|pars\w+|tool|class|package|implement|api|bot|website"
    r"|algorithm|code)\b",
    steps=(
        _step(
            "Write down one example",
            "Note one input as `given` and what should come out as `wanted`, worked out by hand.",
            "wanted is not None",
        ),
        _step(
            "Make the example work",
            "Write the shortest function `solve` that gets this one example right.",
            "solve(given) == wanted",
        ),
        _step(
            "Add what is missing",
            "Note further examples as pairs in `examples`, and extend `solve` until all of them are right.",
            "all(solve(given) == wanted for given, wanted in examples)",
        ),
        _step(
            "Try the edges",
            "Try what is empty, large or not what is expected, and add what should come out to `edges`.",
            "all(solve(given) == wanted for given, wanted in edges)",
        ),
        _step(
            "Use it for real",
            "Call `solve` with what it was made for, and look at its `result` yourself.",
            "result is not None",
        ),
        _step(
            "Say what it does",
            "Write a docstring for `solve`: what it takes, what it returns, when it fails.",
            "len(solve.__doc__) > 0",
        ),
    ),
)
_DATA = Pattern(
    name="data",
    told_by=r"\b(data\w*|csv|excel|tables?|analy[sz]\w+|analysis|statistic\w*|compar\w+|charts?|plots?|graphs?|sales"
    r"|survey|measure\w*|trends?|clean\w*|count\w*|averages?|columns?|rows?|files?|visuali[sz]\w+)\b",
    steps=(
        _step("Load the data", "Read the data into a table named `data`.", "len(data) > 0"),
        _step(
            "Look at the data",
            "Look at the first rows, the types of the columns and what is missing; count the gaps as `gaps`.",
            "gaps is not None",
        ),
        _step(
            "Clean the data",
            "Mend types, fill or drop what is missing, drop what is there twice; the outcome is `clean`.",
            "len(clean) > 0 and not clean.isna().any().any()",
        ),
        _step(
            "Compute the answer",
            "Group, sum or compare what was asked for, and name the outcome `result`.",
            "len(result) > 0",
        ),
        _step(
            "Check the result",
            "Work out one figure of it in a second way, and note as `agrees` whether both are the same.",
            "agrees",
        ),
        _step(
            "Show the result",
            "Draw one chart named `chart` that answers the question, and write the answer below it in a sentence.",
            "chart is not None",
        ),
    ),
)
_GENERAL = Pattern(
    name="general",
    told_by="",
    steps=(
        _step(
            "Say what is true at the end",
            "Write one sentence that can be answered with yes or no when all is done, as `goal`.",
            "len(goal) > 0",
        ),
        _step(
            "See what is there",
            "List in `have` what is there already, and what is missing.",
            "len(have) > 0",
        ),
        _step(
            "Cut it into parts",
            "List in `parts` three to seven parts that can each be finished in one sitting.",
            "3 <= len(parts) <= 7",
        ),
        _step(
            "Do the first part",
            "Begin with the part of which you know least, and add it to `finished`.",
            "len(finished) > 0",
        ),
        _step(
            "Do the other parts",
            "Go on part by part, and change the list where you have learned something.",
            "len(finished) == len(parts)",
        ),
        _step(
            "Answer the sentence of the beginning",
            "Answer `goal` with yes or no, as `reached`, and write down what is left.",
            "reached",
        ),
    ),
)

PATTERNS = (_LEARNING, _FAULT, _PROGRAM, _DATA)
