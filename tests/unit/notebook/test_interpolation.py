"""``{name}`` in a question: what is filled in, what passes unharmed, what is refused."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from whisperer_kernel.errors import InvalidParams
from whisperer_kernel.notebook.magics.interpolation import MAX_CHARS, interpolated

FENCE = "```"


class Moody:
    """Has a property and a text that fail."""

    @property
    def shape(self) -> Any:
        """Fails."""
        raise RuntimeError("not today")

    def __str__(self) -> str:
        raise RuntimeError("no words")


NAMES: dict[str, Any] = {
    "x": 3,
    "i": 9,
    "name": "Ada",
    "größe": 1.5,
    "rows": [10, 20],
    "prices": {"tea": 2, "a b": 4},
    "key": "tea",
    "point": SimpleNamespace(left=SimpleNamespace(top=[7])),
    "moody": Moody(),
    "braces": "{x}",
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{name} is {x}", "Ada is 3"),
        ("{größe}", "1.5"),
        ("{rows[0]}, {rows[-1]}, {prices['tea']}, {prices[\"a b\"]}, {prices[key]}", "10, 20, 2, 4, 2"),
        ("{point.left.top[0]}", "7"),
        ("sales_{x}.csv for ${x}", "sales_3.csv for $3"),
        ("${x} today, not $5", "$3 today, not $5"),
        ("{{name}} and {{rows[0]}}", "{name} and {rows[0]}"),
        ("{{len(rows)}} and {{name.title()}}", "{len(rows)} and {name.title()}"),
        ("{braces}", "{x}"),
        (f"{FENCE}\n{{name}}\n  {{x}}\n{FENCE}\n{{x}}", f"{FENCE}\nAda\n  3\n{FENCE}\n3"),
        ("It's {x}, isn't it?", "It's 3, isn't it?"),
    ],
)
def test_filled_in(text: str, filled: str) -> None:
    """Names, attributes and indices are; what a value holds is not looked at again."""
    assert interpolated(text, NAMES) == filled


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 1, 'b': {'c': {}}}",
        "{x for x in rows}",
        "{}",
        "{ x }",
        "{0}",
        "{x!r} {x:.2f} {x + 1} {f(x)} {rows[0:1]}",
        "function f() { return x } and { print(x) } and if (x) { x(); }",
        "`{len(rows)}` and f'{len(rows)}' and '{len(rows)}'.format()",
        f"{FENCE}\n{{len(rows)}}\n{FENCE}",
        "{len(x) for x in rows} {len(rows): 1} {len(rows), 2} {len(rows) + 1} {unknown(x)} {{unknown(x)}} {{ len(x) }}",
        r"\frac{max(x)}{min(x)} x_{max(x)} x^{max(x)} and ${max(x)}$ and $\text {max(x)}$",
        '{"a": "len(x)", "b": [len(x)]} and {"len(x)"}',
        'print(f"{name}: {x:.2f}") and rf\'{name}\' and F"""\n{name}\n"""',
        '"{name} {x}".format(name=1)',
        "`{x}` and ``a ` {x}``",
        f"{FENCE}python\nd = {{x}}\nprint(f'{{name}}')\n{FENCE}",
        "~~~\nd = {x} + {x}\n~~~",
        f"{FENCE}\nnot closed {{x}}",
        r"$\sum_{i} x_{i}$ and $$\frac{x}{i}$$",
        "{{ x }} and {{'a': 1}} and }} and {{",
    ],
)
def test_code_and_formulas_pass_unharmed(text: str) -> None:
    """Also where the names in them are there."""
    assert interpolated(text, NAMES) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{nme}?", "There is no variable nme to fill in {nme} with; nothing was sent. For the braces themselves write"),
        ("{prices[nme]}", "There is no variable nme to fill in {prices[nme]} with"),
        ("{x.colour}", "{x.colour} cannot be filled in: AttributeError: 'int' object has no attribute 'colour'."),
        ("{rows[7]}", "{rows[7]} cannot be filled in: IndexError: list index out of range."),
        ("{prices['milk']}", "{prices['milk']} cannot be filled in: KeyError: 'milk'. Nothing was sent."),
        ("{moody.shape}", "{moody.shape} cannot be filled in: RuntimeError: not today."),
        ("{moody}", "{moody} cannot be filled in: RuntimeError: no words."),
    ],
)
def test_what_cannot_be_filled_in_is_said(text: str, words: str) -> None:
    """In one line that names it."""
    with pytest.raises(InvalidParams) as refused:
        interpolated(f"{{x}} {text}", NAMES)
    assert str(refused.value).startswith(words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        "len(rows)",
        "name.title()",
        "max(len(name), x)",
        "prices['tea'].bit_length()",
        "rows.copy()[0]",
        "x()()",
    ],
)
def test_a_call_is_refused(call: str) -> None:
    """It is neither made nor sent in silence; doubled braces send it."""
    with pytest.raises(InvalidParams) as refused:
        interpolated(f"Why ({{{call}}}) and not {{x}}?", NAMES)
    assert str(refused.value) == (
        f"{{{call}}}: nothing is called in braces: assign it to a variable first; double the braces to send them as "
        "they are. Nothing was sent."
    )
    assert interpolated(f"Why ({{{{{call}}}}}) and not {{x}}?", NAMES) == f"Why ({{{call}}}) and not 3?"


def test_bound() -> None:
    """A value that no provider would take is refused here."""
    with pytest.raises(InvalidParams, match="is 200,001 characters long; 200,000 may be"):
        interpolated("{long}", {"long": "a" * (MAX_CHARS + 1)})


@pytest.mark.parametrize(
    "text",
    [
        "`" * 100_000,
        "{" * 100_000,
        "$" * 100_000,
        '"' * 100_000,
        "f'" * 50_000,
        "~~~\n" * 9,
        "{a(" + "()" * 50_000,
        "{a" + "()" * 50_000,
    ],
)
def test_time_grows_with_length_alone(text: str) -> None:
    """A question may hold anything."""
    began = time.thread_time()
    interpolated(text, {})
    assert time.thread_time() - began < 2
