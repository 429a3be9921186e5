"""Schemas that clients declare: what they say is held to, and none of them keeps the process busy or leaves it."""

from __future__ import annotations

from typing import Any

import pytest

from whisperer_kernel.tools.inputschema import MAX_BYTES, InputSchema, UnfitSchema

LAMP = {
    "type": "object",
    "properties": {
        "room": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 20},
        "level": {"type": "integer", "minimum": 0, "maximum": 9, "default": 9},
        "colors": {"type": "array", "items": {"enum": ["red", "blue"]}, "uniqueItems": True},
    },
    "required": ["room"],
    "additionalProperties": False,
}
DOUBLING = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)}


def taking(**properties: Any) -> dict[str, Any]:
    """A schema of an object with these properties."""
    return {"type": "object", "properties": properties}


def nested(depth: int) -> dict[str, Any]:
    """A schema as deep as that."""
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"room": "hall", "level": 3, "colors": ["red", "blue"]}, None),
        ({}, "'room' is a required property"),
        ({"room": 3}, "room: 3 is not of type 'string'"),
        ({"room": "Hall 1"}, "room: 'Hall 1' does not match '^[a-z]+$'"),
        ({"room": "hall", "level": 10}, "level: 10 is greater than the maximum of 9"),
        ({"room": "hall", "colors": ["red", "green"]}, "colors.1: 'green' is not one of ['red', 'blue']"),
        ({"room": "hall", "colors": ["red", "red"]}, "colors: ['red', 'red'] has non-unique elements"),
        ({"room": "hall", "door": 1}, "Additional properties are not allowed ('door' was unexpected)"),
    ],
)
def test_violation(arguments: dict[str, Any], words: str | None) -> None:
    """What is wrong is said with its place."""
    assert InputSchema(LAMP).violation(arguments) == words


def test_words_are_bounded() -> None:
    """A large argument is not told back whole."""
    words = InputSchema(LAMP).violation({"room": "x" * 1_000_000}) or ""
    assert len(words) < 600


def test_complete() -> None:
    """A default that the schema names is the same as an argument that is given."""
    assert InputSchema(LAMP).complete({"room": "hall"}) == {"room": "hall", "level": 9}
    assert InputSchema(LAMP).complete({"level": 1}) == {"level": 1}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "is no JSON schema: type: 'objekt' is not valid"),
        ({"$schema": 3}, "is no JSON schema"),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "$ref": []}, "is of a draft older than 6"),
        (taking(a={"const": "\ud800"}), "holds half a character"),
        ({"properties": []}, "is no JSON schema: properties: [] is not of type 'object'"),
        (
            taking(a={"$ref": "https://example.org/a.json"}),
            "refers to https://example.org/a.json, and nothing is fetched",
        ),
        (taking(a={"$ref": "file:///etc/passwd"}), "refers to file:///etc/passwd, and nothing is fetched"),
        (taking(a={"$dynamicRef": "other.json#a"}), "refers to other.json#a, and nothing is fetched"),
        ({"$ref": "#/$defs/nowhere"}, "refers to #/$defs/nowhere, which is not in it"),
        (taking(a={"$id": "https://example.org/a", "$ref": "#/x", "x": {}}), "holds a schema with an $id of its own"),
        ({"$ref": "#/x", "x": {"minimum": "a"}}, "is no JSON schema: minimum: 'a' is not of type 'number'"),
        ({"$ref": "#/x", "x": {"$ref": "other.json"}}, "refers to other.json, and nothing is fetched"),
        ({"$ref": "#/title", "title": "x"}, "is no JSON schema: 'x' is not of type 'object', 'boolean'"),
        ({"$ref": "#"}, "takes too long to be applied"),
        ({"$ref": "#/$defs/a0", "$defs": {**DOUBLING, "a30": {}}}, "takes too long to be applied"),
        (taking(a={"enum": ["x" * MAX_BYTES]}), "is too large"),
        (nested(100), "is nested deeper than 40 levels"),
        (taking(a={"pattern": "("}), "has a pattern that is no regular expression: ("),
        (taking(a={"pattern": "a" * 2_000}), "has a pattern of more than 1,000 characters"),
        ({"patternProperties": {"^a": {}}}, "uses patternProperties, which is not supported"),
    ],
)
def test_unfit(schema: dict[str, Any], words: str) -> None:
    """A schema that cannot be applied, or not safely, is refused when it is declared."""
    with pytest.raises(UnfitSchema) as refused:
        InputSchema(schema)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"default": {"$ref": "https://example.org", "pattern": "("}},
        taking(patternProperties={"type": "string"}, pattern={"type": "string"}),
        {"$id": "https://example.org/lamp", "$ref": "#/$defs/a", "$defs": {"a": {}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "$ref": "#/definitions/a"},
        taking(a={"pattern": r"^\p{L}+$"}),
    ],
)
def test_fit(schema: dict[str, Any]) -> None:
    """What only looks like a hostile schema is taken."""
    assert InputSchema(schema).violation({}) is None


def test_tree() -> None:
    """A schema that refers to itself is applied as deep as what is given."""
    tree = {
        "$ref": "#/$defs/tree",
        "$defs": {"tree": taking(kids={"items": {"$ref": "#/$defs/tree"}}, n={"type": "integer"})},
    }
    assert InputSchema(tree).violation({"kids": [{"n": 1}, {"kids": [{"n": 2}]}]}) is None
    assert (
        InputSchema(tree).violation({"kids": [{"kids": [{"n": "2"}]}]})
        == "kids.0.kids.0.n: '2' is not of type 'integer'"
    )


@pytest.mark.parametrize(
    ("schema", "argument"),
    [
        ({"pattern": "^(a|aa)+$"}, "a" * 60 + "b"),
        ({"items": {"pattern": "^(a|aa)+$"}}, ["a" * 30 + "b"] * 100_000),
        ({"$ref": "#/properties/a"}, 1),
        ({"anyOf": [{"type": "string"}] * 1_000}, {"text": "x" * 4_000_000}),
    ],
)
def test_bounded(schema: dict[str, Any], argument: object) -> None:
    """Whatever a schema makes of what a model wrote, the check is given up in time."""
    assert InputSchema(taking(a=schema)).violation({"a": argument}) == "they take too long to be checked"


def test_many_different_items() -> None:
    """That the items of a long array differ is found without comparing each with each."""
    schema = InputSchema(taking(a={"type": "array", "uniqueItems": True}))
    assert schema.violation({"a": [{"n": n} for n in range(20_000)]}) is None
