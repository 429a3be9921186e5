"""A wrong setting stops Whisperer, never Jupyter, and is named wherever somebody may look."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.examples.install import WEATHER, install
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
        pytest.param(None, {"WHISPERER_CONFIG": "~nouser/x"}, ["WHISPERER_CONFIG", "~nouser"], id="nobody's home"),
        pytest.param(None, {"WHISPERER_CONFIG": "x" * 5_000}, ["WHISPERER_CONFIG", "xxx"], id="long name"),
        pytest.param(
            None, {"WHISPERER_AGENTS_FILE": "~nouser/a"}, ["WHISPERER_AGENTS_FILE", "~nouser"], id="nobody's agents"
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
    assert health["problems"] == []
    assert "matches no tool" not in server.log


async def test_what_is_left_out_is_told(serve: Serve, tmp_path: Path) -> None:
    """A package that cannot be loaded, a workspace's file with a mistake, a pattern for nothing: all are told."""
    site = install(WEATHER, tmp_path)
    (site / "whisperer_weather" / "__init__.py").write_text("import no_such_thing\n", "utf-8")
    ours = tmp_path / "work" / ".whisperer"
    ours.mkdir(parents=True)
    (ours / "agents.yaml").write_text("agents:\n  - id: bob\n    promt: bob.md\n", "utf-8")
    own = tmp_path / "agents.yaml"
    own.write_text('agents:\n  - id: alice\n    tools:\n      allow: ["tag:wether"]\n', "utf-8")
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(site)])
    server = serve(environ={"PYTHONPATH": path}, work=tmp_path / "work", AGENTS_FILE=str(own))
    health = json.loads((await fetch(server, "/whisperer/health", **AUTHORIZED)).body)
    assert health["status"] == "ok"
    assert health["problems"] == [
        "whisperer_weather: its tools could not be registered: No module named 'no_such_thing'",
        f"{ours / 'agents.yaml'}, line 3: agents[0].promt: unknown key",
        f"{own}, line 4: agents[0].tools.allow[0]: tag:wether matches no tool",
    ]
    assert all(server.log.count(problem) == 1 for problem in health["problems"][1:])
    assert "No module named 'no_such_thing'" in server.log
