"""The agents there are: those that were shipped, over them the user's own, over them the workspace's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from jupyter_core.paths import jupyter_config_path

from whisperer_kernel import resources
from whisperer_kernel.agents.layers import Agents, Layer, prompt_text
from whisperer_kernel.agents.routing import addressed
from whisperer_kernel.agents.spec import AgentSpec
from whisperer_kernel.config import Config
from whisperer_kernel.errors import ConfigError, NoSuchAgent
from whisperer_kernel.tools.tool import Tool

FILE = "agents.yaml"
PROMPTS = "prompts"
SHARED = "prompts/shared/notebook.md"


class AgentRegistry:
    """Agents by id, in the order of their files. Nothing in it changes after it was made.

    ``default`` is the agent that a session begins with, ``problems`` what was wrong with the workspace's file, one
    sentence each: such a file is left out as a whole. ``names`` leads from ids and names to ids. ``layers`` are the
    files that had a say and were not shipped.
    """

    def __init__(
        self, agents: Agents, default: str, layers: Sequence[Layer] = (), problems: Sequence[str] = ()
    ) -> None:
        self._agents: Mapping[str, AgentSpec] = MappingProxyType(dict(agents))
        self.names = MappingProxyType({name: spec.id for spec in agents.values() for name in (spec.id, spec.name)})
        self.default = agents[default]
        self.problems = tuple(problems)
        self._layers = tuple(layers)

    @classmethod
    def load(
        cls, config: Config, workspace: Path | None = None, *, config_path: Sequence[str] | None = None
    ) -> AgentRegistry:
        """Read every file that has a say, and every prompt they name.

        Args:
            config: For ``agents_file``.
            workspace: The folder the notebook works in.
            config_path: Jupyter's config directories, first wins; None: Jupyter's own.

        Raises:
            ConfigError: A shipped file or one of the user's is wrong; it names file, line and key.
        """
        folders = jupyter_config_path() if config_path is None else config_path
        shared = prompt_text(resources.find(SHARED, None, folders).path)
        agents, default = _shipped(shared, folders).over({}, "")
        layers: list[Layer] = []
        if (own := _users_file(config, folders)) is not None:
            layers.append(_users(own, shared, folders))
            agents, default = layers[-1].over(agents, default)
        try:
            if workspace is not None and (layer := _workspaces(workspace, shared)) is not None:
                agents, default = layer.over(agents, default)
                layers.append(layer)
        except ConfigError as error:
            return cls(agents, default, layers, [str(error)])
        return cls(agents, default, layers)

    def get(self, agent_id: str) -> AgentSpec:
        """The agent with this id. Raises ``NoSuchAgent`` that names those there are."""
        try:
            return self._agents[agent_id]
        except KeyError:
            known = ", ".join(self._agents)
            raise NoSuchAgent(f"No agent `{agent_id}`; there are {known}.", agents=[*self._agents]) from None

    def all(self) -> tuple[AgentSpec, ...]:
        """Every agent."""
        return tuple(self._agents.values())

    def idle_patterns(self, tools: Collection[Tool]) -> list[str]:
        """What files allow and none of the tools is, a sentence each; what clients may bring is not among it."""
        return [words for layer in self._layers for words in layer.idle_patterns(tools)]


def route(text: str, agents: AgentRegistry) -> tuple[str | None, str]:
    """Whom a message is addressed to by ``@name`` at its start, and the message without it; see ``addressed``."""
    return addressed(text, agents.names)


def _users_file(config: Config, folders: Sequence[str]) -> Path | None:
    if config.agents_file is not None:
        return resources.expanded(config.agents_file)
    files = (Path(folder) / resources.CONFIG_FOLDER / FILE for folder in folders)
    return next((path for path in files if path.is_file()), None)


def _shipped(shared: str, folders: Sequence[str]) -> Layer:
    """The layer at the bottom; a prompt of the user's with the same name goes before the shipped one."""
    return Layer(
        resources.packaged(FILE),
        shared,
        lambda prompt: prompt_text(resources.find(f"{PROMPTS}/{prompt}", None, folders).path),
        trusted=True,
    )


def _users(path: Path, shared: str, folders: Sequence[str]) -> Layer:
    """The user's layer; its prompts lie in ``prompts/`` beside it, or are shipped ones."""
    root = path.parent / PROMPTS

    def read(prompt: str) -> str:
        beside = resources.inside(root, prompt)
        found = beside if beside.is_file() else resources.find(f"{PROMPTS}/{prompt}", None, folders).path
        return prompt_text(found)

    return Layer(path, shared, read, trusted=True)


def _workspaces(workspace: Path, shared: str) -> Layer | None:
    """The workspace's layer, if it has one; nothing outside its own folder is read for it, and no link out of it."""
    folder = resources.inside(workspace, resources.WORKSPACE_FOLDER)

    def read(prompt: str) -> str:
        found = resources.find(f"{PROMPTS}/{prompt}", workspace, ())
        if found.origin is not resources.Origin.WORKSPACE:
            raise ConfigError(f"{folder / PROMPTS / prompt}: no such file")
        return prompt_text(found.path)

    file = resources.find(FILE, workspace, ())
    return Layer(file.path, shared, read, trusted=False) if file.origin is resources.Origin.WORKSPACE else None
