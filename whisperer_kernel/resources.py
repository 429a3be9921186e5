"""Where files that belong to Whisperer are found: ``agents.yaml`` and everything under ``prompts/``.

They lie at the top of a checkout and in ``whisperer_kernel/_packaged`` of an installed wheel. Anyone may lay a file of
their own over one, in ``.whisperer/`` of the workspace or in ``whisperer/`` of a Jupyter config directory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from jupyter_core.paths import jupyter_config_path

from whisperer_kernel.errors import ConfigError

WORKSPACE_FOLDER = ".whisperer"
CONFIG_FOLDER = "whisperer"

_HERE = Path(__file__).resolve().parent


class Origin(StrEnum):
    """Who wrote a resource, and so how far it is trusted: a workspace may be a cloned repository."""

    WORKSPACE = "workspace"
    USER = "user"
    PACKAGED = "packaged"


@dataclass(frozen=True)
class Resource:
    """A file and who wrote it."""

    path: Path
    origin: Origin


def expanded(name: str) -> Path:
    """The path, with ``~`` at its beginning replaced.

    Raises:
        ConfigError: It names the home of a user who is not there.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise ConfigError(f"{Path(name).parts[0][:80]}: there is no such home directory") from None


def packaged(name: str) -> Path:
    """The file or folder ``name`` (``agents.yaml``, ``prompts/shared``) as it was shipped.

    Raises:
        ConfigError: The name leads out of what was shipped, or nothing of that name was.
    """
    return _only(name, [_shipped()]).path


def find(name: str, workspace: Path | None = None, config_path: Sequence[str] | None = None) -> Resource:
    """The file or folder in force: the workspace's, else the user's, else the one that was shipped.

    Args:
        name: Relative, with forward slashes.
        workspace: The folder the notebook works in; None where there is none.
        config_path: Jupyter config directories, first wins; None: Jupyter's own.

    Raises:
        ConfigError: The name leads out of its folder, or nothing of that name is anywhere.
    """
    return _only(name, _layers(workspace, jupyter_config_path() if config_path is None else config_path))


def _layers(workspace: Path | None, config_path: Sequence[str]) -> Iterator[Resource]:
    if workspace is not None:
        yield Resource(workspace / WORKSPACE_FOLDER, Origin.WORKSPACE)
    for folder in config_path:
        yield Resource(Path(folder) / CONFIG_FOLDER, Origin.USER)
    yield _shipped()


def _shipped() -> Resource:
    copied = _HERE / "_packaged"
    return Resource(copied if copied.is_dir() else _HERE.parent, Origin.PACKAGED)


def _only(name: str, layers: Sequence[Resource] | Iterator[Resource]) -> Resource:
    hits = (Resource(path, layer.origin) for layer in layers if (path := inside(layer.path, name)).exists())
    if (first := next(hits, None)) is None:
        raise ConfigError(f"{name}: no such file, neither of your own nor shipped with Whisperer")
    return first


def inside(folder: Path, name: str) -> Path:
    """``folder/name``, held inside: names come from files that others wrote, and links can lead anywhere.

    Raises:
        ConfigError: It leads out of the folder or nowhere, or its place cannot be looked at.
    """
    relative = PurePosixPath(name)
    path = folder / relative
    try:
        out = not path.resolve().is_relative_to(folder.resolve())
        nowhere = path.is_symlink() and not path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{folder}: {name[:100]!r} cannot be found: {reason}") from error
    if out or relative.is_absolute() or ".." in relative.parts:
        raise ConfigError(f"{name}: leads out of {folder}")
    if nowhere:
        raise ConfigError(f"{path}: is a link that leads nowhere")
    return path
