"""Tools out of functions: the schema that a model is told, and signatures that cannot be described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest
from jsonschema import Draft202012Validator

from whisperer_kernel.plans.tool import make_plan
from whisperer_kernel.tools.registry import ToolRegistry
from whisperer_kernel.tools.tool import Tool, ToolContext, tool


class Place(msgspec.Struct):
    """A place."""

    x: int
    y: int = 0


@tool(effect="read", tags={"maps"}, granted=("place",))
async def look_at(
    context: ToolContext,  # noqa: ARG001 - a signature
    place: Place,
    how: Literal["closely", "quickly"] = "quickly",
    names: Annotated[list[str], msgspec.Meta(max_length=3, description="By which it goes.")] = [],  # noqa: B006
    limit: int | None = None,
) -> str:
    """Look at a place.

    As long as you like.
    """
    return f"{place.x},{place.y} {how} {names} {limit}"


def test_schema() -> None:
    """Names, types, bounds, defaults and descriptions reach the model; the context does not."""
    schema = look_at.schema
    assert (schema.name, schema.description) == ("look_at", "Look at a place.\n\nAs long as you like.")
    assert {name: schema.parameters[name] for name in ("type", "required", "additionalProperties")} == {
        "type": "object",
        "required": ["place"],
        "additionalProperties": False,
    }
    assert [*schema.parameters["properties"]] == ["place", "how", "names", "limit"]
    assert schema.parameters["properties"]["place"] == {"$ref": "#/$defs/Place"}
    validator = Draft202012Validator(schema.parameters)
    assert validator.is_valid({"place": {"x": 1}, "names": ["a"], "limit": None})
    assert not validator.is_valid({"place": {"x": 1}, "names": ["a"] * 4})
    assert not validator.is_valid({"place": {"y": 1}})


def test_every_tool_of_ours_is_described() -> None:
    """The schemas of all that is installed are valid, and complete in themselves."""
    tools = ToolRegistry.load().all()
    assert {"make_plan", "read_cells", "inspect_variable", "read_file"} <= {one.name for one in tools}
    for one in tools:
        Draft202012Validator.check_schema(one.schema.parameters)
        assert one.schema.parameters["type"] == "object"
        assert one.schema.description
        assert one.tags, "a tool without tags is offered to nobody"
    assert make_plan.shape is not None
    Draft202012Validator.check_schema(make_plan.shape.schema)


def bad_signatures() -> list[tuple[Any, str]]:  # noqa: C901 - a list of functions
    """Functions of which no tool can be made, and what is said of each."""

    def not_async(context: ToolContext) -> str: ...  # type: ignore[empty-body]
    async def no_docstring(context: ToolContext) -> str: ...  # type: ignore[empty-body]
    async def untyped(context: ToolContext, name) -> str: ...  # type: ignore[no-untyped-def, empty-body]  # noqa: ANN001
    async def nothing() -> str: ...  # type: ignore[empty-body]
    async def forgotten(city: str) -> str: ...  # type: ignore[empty-body]
    async def forgotten_untyped(city) -> str: ...  # type: ignore[no-untyped-def, empty-body]  # noqa: ANN001
    async def only_named(*, context: ToolContext) -> str: ...  # type: ignore[empty-body]
    async def many(context: ToolContext, *names: str) -> str: ...  # type: ignore[empty-body]
    async def any_named(context: ToolContext, **names: str) -> str: ...  # type: ignore[empty-body]
    async def by_place(context: ToolContext, name: str, /) -> str: ...  # type: ignore[empty-body]
    async def unknown_type(context: ToolContext, name: Nowhere) -> str: ...  # type: ignore[name-defined, empty-body]  # noqa: F821
    async def no_json(context: ToolContext, name: Callable[[], int]) -> str: ...  # type: ignore[empty-body]
    async def größe(context: ToolContext) -> str: ...  # type: ignore[empty-body]  # noqa: PLC2401

    functions: list[tuple[Any, str]] = [
        (not_async, "must be an async function"),
        (untyped, "name has no type"),
        (nothing, "the first parameter must be the ToolContext"),
        (forgotten, "the first parameter must be the ToolContext, not city"),
        (forgotten_untyped, "the first parameter must be the ToolContext, not city"),
        (only_named, "the first parameter must be the ToolContext"),
        (many, "cannot be given by name"),
        (any_named, "cannot be given by name"),
        (by_place, "cannot be given by name"),
        (unknown_type, "is not known"),
        (no_json, "cannot be described"),
        (größe, "letters, digits, _ and - of ASCII"),
    ]
    for function, _ in functions:
        function.__doc__ = "Do it."
    return [*functions, (no_docstring, "needs a docstring")]


@pytest.mark.parametrize(("function", "words"), bad_signatures())
def test_bad_signature(function: Any, words: str) -> None:
    """What cannot be described is refused when the tool is made, with its name and the reason."""
    with pytest.raises(TypeError, match=words) as refused:
        tool(effect="read")(function)
    assert str(refused.value).startswith(function.__name__)


def test_grant_bound_to_nothing_there() -> None:
    """A permission cannot be bound to an argument that the tool does not take."""
    assert look_at.run is not None
    with pytest.raises(TypeError, match="granted names plce"):
        tool(effect="read", granted=("plce",))(look_at.run)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"effect": "reads"}, "look_at: effect must be read, edit or run, not 'reads'"),
        ({"effect": ["read"]}, "look_at: effect must be read, edit or run, not ['read']"),
        ({"effect": "read", "tags": "maps"}, "look_at: tags must be a set, {'maps'} for instance, not 'maps'"),
    ],
)
def test_bad_declaration(wrong: dict[str, Any], words: str) -> None:
    """What is said of a tool beside its signature is checked when it is made, not when it is called."""
    assert look_at.run is not None
    with pytest.raises(TypeError) as refused:
        tool(**wrong)(look_at.run)
    assert str(refused.value) == words


def test_effect_that_there_is_not() -> None:
    """A function that tells an effect wrongly makes the call one that may do anything."""
    wrong: Any = lambda _: "reads"  # noqa: E731 - what a package would give
    assert msgspec.structs.replace(look_at, effect=wrong).effect_of({}) == "run"


def test_registry() -> None:
    """A name is given once."""
    registry = ToolRegistry([look_at])
    assert registry.get("look_at") is look_at
    assert registry.get("nothing") is None
    with pytest.raises(ValueError, match="look_at"):
        registry.register(look_at)


def test_complete() -> None:
    """Defaults are filled in; what does not fit is left as it is."""
    assert look_at.complete({"place": {"x": 1}})["place"] == {"x": 1, "y": 0}
    assert look_at.complete({"place": 7}) == {"place": 7}
    described = Tool(schema=look_at.schema)
    assert described.complete({"a": 1}) == {"a": 1}
