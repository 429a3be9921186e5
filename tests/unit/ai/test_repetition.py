"""A reply that only repeats itself is noticed, however it arrives; one that has cause to is left alone."""

from __future__ import annotations

import pytest

from whisperer_kernel.ai.embedded.repetition import Repetition

TIP = "**Data Types**: Use the `str` type for strings in pandas, not `int`."
OTHER = "**Floats**: Use floats when you need them, but use integers for whole values."
LINE = "    with pytest.raises(ValueError) as error, open(path) as file:\n        f()\n"


def noticed_at(text: str, size: int = 3) -> int | None:
    """How many characters had come when it was noticed, ``size`` at a time; None: it was not."""
    repetition = Repetition()
    for start in range(0, len(text), size):
        if repetition.feed(text[start : start + size]):
            return start + size
    return None


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{number}. {TIP}\n\n{number + 1}. {OTHER}\n\n" for number in range(1, 40, 2)),
        "The moving average is good for smoothing data. " * 20,
        "It is a list and " * 30,
        "".join(f"{number}. Use pandas.\n" for number in range(1, 40)),
        "```python\n" + "print(answer)\n" * 40,
        "я не знаю, " * 30,
    ],
)
def test_loop_is_noticed(text: str) -> None:
    """After a few rounds: numbered, as sentences, without any end, in few words, in code, in another language."""
    for size in (1, 7, 1_000):
        place = noticed_at(text, size)
        assert place is not None
        assert size == 1_000 or place < len(text) / 2


@pytest.mark.parametrize(
    "text",
    [
        f"{TIP}\n\n{OTHER}\n\n{TIP}\n\nAll in all that is enough.\n",
        "| a | b |\n|---|---|\n" + "| 1 | 1 |\n" * 4 + "\n",
        "-" * 300 + "\n" + "0, " * 200,
        "```python\n" + "".join(f"def test_{number}():\n{LINE}\n" for number in range(6)) + "```\n",
        "Yes. No. Yes. No. Yes. No.\n" + "- one\n" * 4,
        "".join(f"{number}. {number}\n" for number in range(1, 40)),
    ],
)
def test_what_is_alike_for_a_reason(text: str) -> None:
    """A sentence said twice, tables, rules, rows of figures, lines of code, short answers."""
    assert noticed_at(text, 5) is None
