"""Characterisation tests: what a function returns today at the edges of its input. They may bless a mistake."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import msgspec

from whisperer_kernel.verify import boundary, isolated
from whisperer_kernel.verify.slicing import NothingToTest, Slice

MAX_TESTS = 12


class Characterised(msgspec.Struct, frozen=True, kw_only=True):
    """Test sources by name, still to be run; ``notes`` tell of inputs that were left out."""

    tests: dict[str, str]
    support: str
    notes: tuple[str, ...] = ()


def characterise(slice_: Slice, stop: isolated.Stop | None = None) -> Characterised:
    """Tests of the function as it is. Blocks. Raises ``NothingToTest``, ``Broken``, ``Stopped``."""
    function = boundary.function_in(slice_.definition, slice_.target) if slice_.definition else None
    if function is None:
        raise NothingToTest(
            f"{slice_.target} is no plain function: without a model's help, tests are made of plain functions alone."
        )
    calls = boundary.calls(function)
    if not calls:
        raise NothingToTest(f"No input was found to call {slice_.target} with.")
    return _written(function, calls, isolated.run("calls", slice_.source, calls, stop=stop))


def _written(function: boundary.Function, calls: list[str], results: Iterable[isolated.Result]) -> Characterised:
    meant = _raised(function)
    returning: list[tuple[str, str]] = []
    raising: list[tuple[str, str]] = []
    unclear: dict[str, int] = {}
    for call, result in zip(calls, results, strict=True):
        recorded = result.recorded
        if recorded is not None and recorded.returns is not None:
            returning.append((call, recorded.returns))
        elif recorded is not None and recorded.raises in meant:
            raising.append((call, recorded.raises))
        else:
            why = (recorded and (recorded.raises or recorded.unstable)) or result.verdict
            unclear[why] = unclear.get(why, 0) + 1
    chosen = [*_varied(returning, MAX_TESTS - min(3, len(raising))), *raising[:3]]
    tests = {f"test_{function.name}_case_{number}": case for number, case in enumerate(chosen, 1)}
    return Characterised(
        tests={
            name: _test(name, call, outcome, raises=(call, outcome) in raising)
            for name, (call, outcome) in tests.items()
        },
        support="import pytest" if any(case in raising or _is_number(case[1]) for case in chosen) else "",
        notes=tuple(f"{count} {'input' if count == 1 else 'inputs'} left out: {why}" for why, count in unclear.items()),
    )


def _varied(cases: list[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    """Different outcomes first: each new one says something new about the function."""
    first: dict[str, tuple[str, str]] = {}
    for case in cases:
        first.setdefault(case[1], case)
    new = list(first.values())
    return [*new, *(case for case in cases if case not in new)][:most]


def _test(name: str, call: str, outcome: str, *, raises: bool) -> str:
    if raises:
        return f"def {name}():\n    with pytest.raises({outcome}):\n        {call}\n"
    if outcome in {"None", "True", "False"}:
        return f"def {name}():\n    assert {call} is {outcome}\n"
    expected = f"pytest.approx({outcome})" if _is_number(outcome) else outcome
    return f"def {name}():\n    assert {call} == {expected}\n"


def _is_number(outcome: str) -> bool:
    try:
        return type(ast.literal_eval(outcome)) is float
    except (ValueError, SyntaxError):
        return False


def _raised(function: boundary.Function) -> set[str]:
    """The exceptions that the function raises on purpose."""
    raises = [node.exc for node in ast.walk(function) if isinstance(node, ast.Raise) and node.exc is not None]
    called = [node.func if isinstance(node, ast.Call) else node for node in raises]
    return {node.id for node in called if isinstance(node, ast.Name)}
