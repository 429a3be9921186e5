"""Tests that are asked for of a model that cannot call tools: what is meant, or in words why there are none.

Such a model is not asked for tests: it cannot run them, and a small one makes them up.
"""

from __future__ import annotations

from typing import Any

import msgspec

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.events import ProviderInfo
from whisperer_kernel.sessions.toolcalls import TurnTools
from whisperer_kernel.verify.intent import TestWish, commanded, wish_in

MAKE_TESTS, RECORD, LOOK = "make_tests", "record_behaviour", "list_variables"
MAX_GUESSES = 2
MAX_OFFERED = 8

NO_KERNEL = (
    "I cannot run anything in this notebook's kernel, so I made no tests. Run the chat's cell again, or, in a Python "
    "kernel, `%load_ext whisperer_kernel`: that connects the kernel. Then ask again."
)
NO_FUNCTION = "There is no function in the kernel yet. Run the cell that defines yours, then name it here."


class NoTests(WhispererError):
    """Tests were asked for, and none can be made; the message tells the person why."""


class _Kernel(msgspec.Struct, frozen=True):
    """The names that the kernel has; ``functions`` are those of functions and classes. ``more`` were not told."""

    names: frozenset[str]
    functions: tuple[str, ...]
    more: bool


async def commanded_target(text: str, tools: TurnTools) -> str | None:
    """The target of the command ``/tests name``. Raises ``NoTests``."""
    target = commanded(text) if _makes_tests(tools) else None
    if target is not None:
        await _check_possible(tools, target, RECORD)
        tools.permit(RECORD, {"target": target})
        tools.permit("insert_cells", {"run": False})
    return target


async def wished_target(text: str, tools: TurnTools, provider: ProviderInfo) -> str | None:
    """What a message in ordinary words wants tests of; None where it wants none. Raises ``NoTests``."""
    wish = wish_in(text) if _makes_tests(tools) else None
    if wish is None or not (wish.code or provider.demo):
        return None
    await _check_possible(tools, wish.code[0] if wish.code else "", RECORD, LOOK)
    kernel = await _look(tools)
    if (target := wish.target(kernel.names, kernel.functions)) is not None:
        return target
    if kernel.more and (target := await _found(wish, tools)) is not None:
        return target
    raise NoTests(_unknown(wish.code[0]) if wish.code else _which(kernel))


def _makes_tests(tools: TurnTools) -> bool:
    return any(tool.name == MAKE_TESTS for tool in tools.usable())


async def _check_possible(tools: TurnTools, target: str, *needed: str) -> None:
    for name in needed:
        if not await tools.can(name):
            raise NoTests(NO_KERNEL)
    if (why := await tools.forbidden(RECORD, {"target": target})) is not None:
        raise NoTests(f"Tests are not run {why}.")


async def _look(tools: TurnTools) -> _Kernel:
    result = await tools.look(LOOK, {})
    if result.is_error:
        raise NoTests(f"I cannot look into the kernel, so I made no tests: {result.content}")
    told: dict[str, Any] = msgspec.json.decode(result.content)
    variables = told["variables"]
    return _Kernel(
        frozenset([*told["modules"], *(one["name"] for one in variables)]),
        tuple(one["name"] for one in variables if _is_function(one)),
        more="left out" in told,
    )


def _is_function(variable: dict[str, Any]) -> bool:
    return "signature" in variable or variable["type"] == "type" or variable["type"].startswith("functools.")


async def _found(wish: TestWish, tools: TurnTools) -> str | None:
    """A name that was not among the first variables, asked for by itself."""
    for name in wish.code[:MAX_GUESSES]:
        if not (await tools.look("source_of", {"name": name})).is_error:
            return name
    return None


def _unknown(name: str) -> str:
    return f"I cannot find `{name}` in the kernel. Run its cell first, then ask again."


def _which(kernel: _Kernel) -> str:
    if not kernel.functions:
        return NO_FUNCTION
    names = ", ".join(f"`{name}`" for name in kernel.functions[:MAX_OFFERED])
    return f"Tests of which function? In the kernel I see {names}. Name one, and I test it."
