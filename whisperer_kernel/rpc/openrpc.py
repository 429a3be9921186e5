"""The OpenRPC document, made from the methods as they are registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from whisperer_kernel.events import EVENT_TYPES, Event
from whisperer_kernel.rpc.dispatcher import Method
from whisperer_kernel.version import __version__

REF = "#/components/schemas/{name}"
ERRORS = [
    {"code": -32001, "message": "No such agent"},
    {"code": -32002, "message": "No such session"},
    {"code": -32003, "message": "Turn queue full"},
    {"code": -32004, "message": "Limit reached"},
    {"code": -32005, "message": "Provider failed"},
    {"code": -32006, "message": "Not permitted"},
    {"code": -32007, "message": "Store unavailable"},
    {"code": -32008, "message": "No such plan, report, permission request or tool call"},
]
SERVER = {
    "name": "This server",
    "summary": "A WebSocket, at an address relative to this document's; authentication is Jupyter's own.",
    "url": "ws",
}
PLACE = {
    "title": "Place",
    "description": "What every notification carries: session, number (from 1, without a gap), time (ISO 8601, UTC).",
    "type": "object",
    "properties": {"sessionId": {"type": "string"}, "seq": {"type": "integer"}, "ts": {"type": "string"}},
    "required": ["sessionId", "seq", "ts"],
}


def document(methods: Mapping[str, Method]) -> dict[str, Any]:
    """The whole document; notifications stand under ``x-notifications``, which OpenRPC has no place for."""
    kinds: list[Any] = [kind for method in methods.values() for kind in (method.params, method.result)]
    schemas, components = msgspec.json.schema_components([*kinds, *EVENT_TYPES.values()], ref_template=REF)
    components["Place"] = PLACE
    pairs = iter(schemas)
    described = [_method(method, next(pairs), next(pairs), components) for method in methods.values()]
    return {
        "openrpc": "1.3.2",
        "info": {"title": "Whisperer", "version": __version__},
        "servers": [SERVER],
        "methods": described,
        "x-notifications": [
            _notification(kind, schema) for kind, schema in zip(EVENT_TYPES.values(), pairs, strict=True)
        ],
        "components": {"schemas": components},
    }


def _method(
    method: Method, params: dict[str, Any], result: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    properties = components[params["$ref"].rsplit("/", 1)[1]]
    required = set(properties.get("required", ()))
    return {
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": [
            {"name": name, "required": name in required, "schema": schema}
            for name, schema in properties.get("properties", {}).items()
        ],
        "result": {"name": "result", "schema": result},
        "errors": ERRORS,
    }


def _notification(kind: type[Event], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": kind.method,
        "summary": (kind.__doc__ or "").strip().split("\n")[0],
        "params": {"allOf": [{"$ref": "#/components/schemas/Place"}, schema]},
    }
