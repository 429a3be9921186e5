"""Resources: which file is in force, and that no name leads out of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from whisperer_kernel import resources
from whisperer_kernel.errors import ConfigError
from whisperer_kernel.resources import Origin

NAME = "prompts/shared/test-only.md"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Origin, Path]:
    """A workspace, a Jupyter config directory and an installed package, all empty."""
    package = tmp_path / "site-packages" / "whisperer_kernel"
    monkeypatch.setattr(resources, "_HERE", package)
    made = {
        Origin.WORKSPACE: tmp_path / "workspace" / ".whisperer",
        Origin.USER: tmp_path / "config" / "whisperer",
        Origin.PACKAGED: package / "_packaged",
    }
    for folder in made.values():
        folder.mkdir(parents=True)
    return made


def put(folder: Path) -> Path:
    """Write the resource under ``folder``."""
    path = folder / NAME
    path.parent.mkdir(parents=True)
    path.write_text("text", encoding="utf-8")
    return path


def found(tmp_path: Path) -> resources.Resource:
    """What is in force."""
    return resources.find(NAME, tmp_path / "workspace", [str(tmp_path / "config")])


def test_first_layer_that_has_the_file_wins(folders: dict[Origin, Path], tmp_path: Path) -> None:
    """A workspace's file hides the user's, and the user's hides the shipped one."""
    for origin in (Origin.PACKAGED, Origin.USER, Origin.WORKSPACE):
        path = put(folders[origin])
        assert found(tmp_path) == resources.Resource(path, origin)


def test_packaged_ignores_overrides(folders: dict[Origin, Path]) -> None:
    """What was shipped can be asked for by itself."""
    put(folders[Origin.USER])
    shipped = put(folders[Origin.PACKAGED])
    assert resources.packaged(NAME) == shipped


def test_checkout_serves_where_nothing_was_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable install reads the files at the top of the checkout."""
    monkeypatch.setattr(resources, "_HERE", tmp_path / "whisperer_kernel")
    assert resources.packaged(put(tmp_path).relative_to(tmp_path).as_posix()) == tmp_path / NAME


@pytest.mark.usefixtures("folders")
def test_missing_file_is_named(tmp_path: Path) -> None:
    """A name that is nowhere ends in an error that says it."""
    with pytest.raises(ConfigError, match=NAME):
        found(tmp_path)


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "prompts/../../secret"])
def test_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    """Neither a parent folder nor an absolute path is read."""
    with pytest.raises(ConfigError, match="leads out"):
        resources.find(name, tmp_path / "workspace", [])


def test_link_that_leads_out_is_refused(folders: dict[Origin, Path], tmp_path: Path) -> None:
    """A cloned repository cannot show a model a file from elsewhere through a symbolic link."""
    secret = tmp_path / "secret.md"
    secret.write_text("secret", encoding="utf-8")
    (folders[Origin.WORKSPACE] / "prompt.md").symlink_to(secret)
    with pytest.raises(ConfigError, match="leads out"):
        resources.find("prompt.md", tmp_path / "workspace", [])
