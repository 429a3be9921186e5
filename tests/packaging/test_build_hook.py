"""The build hook: what a wheel must not be made without, and that editable installs get no copies."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "jupyter_ext/labextension/package.json"
NEEDED = (
    "whisperer_kernel/notebook/static/widget.js",
    "whisperer_kernel/notebook/static/widget.css",
    "agents.yaml",
    PLUGIN,
)


@pytest.fixture(scope="module")
def build_script() -> ModuleType:
    """``hatch_build.py``, loaded by its path as hatchling does."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with everything in it that a wheel needs."""
    for name in NEEDED:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"name": "@scope/plugin"}), encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    return tmp_path


def run(build_script: ModuleType, root: Path, version: str = "standard", target: str = "wheel") -> dict[str, Any]:
    """What the hook adds to a build."""
    data: dict[str, Any] = {"force_include": {}, "shared_data": {}}
    build_script.WhispererBuildHook(str(root), {}, None, None, str(root), target).initialize(version, data)
    return data


def test_standard_wheel_gets_agents_and_prompts(build_script: ModuleType, checkout: Path) -> None:
    """What lies at the top of the checkout is put into the package."""
    assert run(build_script, checkout)["force_include"] == {
        str(checkout / "agents.yaml"): "whisperer_kernel/_packaged/agents.yaml",
        str(checkout / "prompts"): "whisperer_kernel/_packaged/prompts",
    }


def test_built_plugin_goes_where_jupyterlab_looks(build_script: ModuleType, checkout: Path) -> None:
    """The plugin's folder is called what its package.json calls it."""
    built = (checkout / PLUGIN).parent
    assert run(build_script, checkout)["shared_data"] == {str(built): "share/jupyter/labextensions/@scope/plugin"}


@pytest.mark.parametrize("name", NEEDED)
def test_unbuilt_front_end_is_named(build_script: ModuleType, checkout: Path, name: str) -> None:
    """A wheel without its front end is not made, and the error says what to run."""
    (checkout / name).unlink()
    with pytest.raises(build_script.NotBuiltError, match=rf"{name}.*make build"):
        run(build_script, checkout)


@pytest.mark.parametrize(("version", "target"), [("editable", "wheel"), ("standard", "sdist")])
def test_other_builds_get_nothing(build_script: ModuleType, tmp_path: Path, version: str, target: str) -> None:
    """An editable install reads the checkout, and needs no built front end."""
    assert run(build_script, tmp_path, version, target) == {"force_include": {}, "shared_data": {}}
