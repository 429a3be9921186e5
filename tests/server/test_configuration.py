"""A wrong setting stops Whisperer, never Jupyter, and is named wherever somebody may look."""

from __future__ import annotations

import json

import pytest

from tests.server.client import RpcError
from tests.server.conftest import Connect, Serve
from tests.server.process import TOKEN
from tests.server.test_security import fetch

AUTHORIZED = {"Authorization": f"token {TOKEN}"}


@pytest.mark.parametrize(
    ("settings_file", "variables", "named"),
    [
        pytest.param("provider:\n  modle: mine\n", {}, ["config.yaml", "2", "modle"], id="wrong key"),
        pytest.param("limits:\n  max_queue: many\n", {}, ["config.yaml", "2", "max_queue"], id="wrong type"),
        pytest.param("limits: [\n", {}, ["config.yaml"], id="no YAML"),
        pytest.param(
            None, {"WHISPERER_LIMITS__MAX_QUEUE": "many"}, ["WHISPERER_LIMITS__MAX_QUEUE"], id="wrong variable"
        ),
    ],
)
async def test_wrong_setting(
    serve: Serve, connect: Connect, settings_file: str | None, variables: dict[str, str], named: list[str]
) -> None:
    """The log, the health page and every request name the setting's place; Jupyter itself serves as ever."""
    server = serve(settings_file=settings_file, environ=variables)
    health = json.loads((await fetch(server, "/whisperer/health", **AUTHORIZED)).body)
    assert health["status"] == "error"
    client = await connect(server)
    errors = []
    for method, params in (("startSession", {}), ("echo", {"message": "x"}), ("agent.list", {}), ("no.such", {})):
        with pytest.raises(RpcError) as refused:
            await client.request(method, **params)
        assert (refused.value.code, refused.value.data["kind"]) == (-32603, "config")
        errors.append(refused.value.message)
    for words in (server.log, health["problem"], *errors):
        assert all(name in words for name in named), words
    assert (await fetch(server, "/api/status", **AUTHORIZED)).code == 200
    assert (await fetch(server, "/whisperer/openrpc.json", **AUTHORIZED)).code == 200
    assert "Traceback" not in server.log


async def test_health(serve: Serve, connect: Connect) -> None:
    """The health page counts live sessions and connections."""
    server = serve()
    client = await connect(server)
    await client.start()
    health = json.loads((await fetch(server, "/whisperer/health", **AUTHORIZED)).body)
    assert (health["status"], health["sessions"], health["connections"]) == ("ok", 1, 1)
    assert health["version"]
