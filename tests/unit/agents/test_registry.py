"""Agents: those that were shipped, those of the user, and what a cloned repository may and may not add."""

from __future__ import annotations

from pathlib import Path

import pytest

from whisperer_kernel.agents.registry import AgentRegistry, route
from whisperer_kernel.agents.routing import addressed
from whisperer_kernel.config import Config
from whisperer_kernel.errors import ConfigError, NoSuchAgent
from whisperer_kernel.tools.registry import ToolRegistry

BOB = "agents:\n  - id: bob\n    prompt: bob.md\n"
CELLS = frozenset({"cells"})


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The user's folder of ours in a Jupyter config directory."""
    folder = tmp_path / "config" / "whisperer"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Our folder in a workspace."""
    folder = tmp_path / "work" / ".whisperer"
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, agents: str, **prompts: str) -> Path:
    """An agents.yaml and prompts beside it; ``bob`` becomes ``prompts/bob.md``."""
    for name, text in {"bob": "You are Bob.", **prompts}.items():
        path = folder / "prompts" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    path = folder / "agents.yaml"
    path.write_text(agents, encoding="utf-8")
    return path


def load(tmp_path: Path, agents_file: Path | None = None) -> AgentRegistry:
    """Everything that has a say."""
    config = Config(agents_file=None if agents_file is None else str(agents_file))
    return AgentRegistry.load(config, tmp_path / "work", config_path=[str(tmp_path / "config")])


def test_three_agents_are_shipped(tmp_path: Path) -> None:
    """Alice is the default; each has all that a front door shows."""
    registry = load(tmp_path)
    assert [spec.id for spec in registry.all()] == ["alice", "patricia", "tessa"]
    assert registry.default is registry.get("alice")
    assert registry.problems == ()
    for spec in registry.all():
        assert all([spec.role, spec.description, spec.introduction, spec.suggestions, spec.icon, spec.shortcut])


def test_unknown_agent_is_named_with_those_there_are(tmp_path: Path) -> None:
    """The answer helps to ask again."""
    with pytest.raises(NoSuchAgent, match="alice, patricia, tessa") as caught:
        load(tmp_path).get("bob")
    assert caught.value.data == {"agents": ["alice", "patricia", "tessa"]}


def test_users_agent_appears_beside_the_three(tmp_path: Path, user: Path) -> None:
    """An id and a prompt are enough; without tools she is offered none."""
    put(user, BOB)
    registry = load(tmp_path)
    bob = registry.get("bob")
    assert len(registry.all()) == 4
    assert (bob.name, bob.introduction) == ("Bob", "Hello, I am Bob.")
    assert bob.instructions.endswith("You are Bob.")
    assert bob.instructions.startswith("You work inside a Jupyter notebook")
    assert not bob.may_use("read_cell", CELLS)


def test_users_file_changes_an_agent_field_by_field(tmp_path: Path, user: Path) -> None:
    """What is not given stays."""
    before = load(tmp_path).get("tessa")
    put(user, "default: tessa\nagents:\n  - {id: tessa, name: Tess, model: big, parameters: {temperature: 0}}\n")
    registry = load(tmp_path)
    tess = registry.default
    assert (tess.id, tess.name, tess.model, tess.parameters) == ("tessa", "Tess", "big", {"temperature": 0})
    assert (tess.instructions, tess.color, tess.tools) == (before.instructions, before.color, before.tools)


def test_users_file_may_widen_tools(tmp_path: Path, user: Path) -> None:
    """It is the user's machine."""
    put(user, "agents:\n  - {id: alice, tools: {allow: ['*'], deny: [run_shell]}}\n")
    alice = load(tmp_path).get("alice")
    assert alice.may_use("anything")
    assert not alice.may_use("run_shell")


def test_users_prompt_replaces_a_shipped_one_without_a_file(tmp_path: Path, user: Path) -> None:
    """A prompt of the same name is enough."""
    (user / "prompts" / "agents").mkdir(parents=True)
    (user / "prompts" / "agents" / "alice.md").write_text("You are my Alice.", encoding="utf-8")
    assert load(tmp_path).get("alice").instructions.endswith("You are my Alice.")


def test_agents_file_of_the_configuration_goes_before_the_folder(tmp_path: Path, user: Path) -> None:
    """Its prompts lie beside it."""
    put(user, "agents:\n  - {id: carol, prompt: bob.md}\n")
    other = tmp_path / "elsewhere"
    other.mkdir()
    registry = load(tmp_path, put(other, BOB, bob="You are the other Bob."))
    assert registry.get("bob").instructions.endswith("You are the other Bob.")
    with pytest.raises(NoSuchAgent):
        registry.get("carol")


def test_agents_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A file that was asked for has to be there."""
    with pytest.raises(ConfigError, match=r"gone\.yaml: cannot be read"):
        load(tmp_path, tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("entry", "line", "words"),
    [
        ("{id: Bob, prompt: bob.md}", 2, "agents[0].id: `Bob` must be lower-case letters"),
        ("{id: 1b, prompt: bob.md}", 2, "agents[0].id: `1b` must be"),
        ("{prompt: bob.md}", 2, "agents[0]: `id` is missing"),
        ("{id: bob}", 2, "agents[0].prompt: is missing"),
        ("{id: bob, prompt: gone.md}", 2, "agents[0].prompt: prompts/gone.md: no such file"),
        ("{id: bob, prompt: ../secret.md}", 2, "agents[0].prompt: ../secret.md: leads out of"),
        ("{id: bob, prompt: /etc/passwd}", 2, "agents[0].prompt: /etc/passwd: leads out of"),
        ("{id: bob, prompt: bob.md, small_prompt: ../x.md}", 2, "agents[0].small_prompt: ../x.md: leads out of"),
        ("{id: bob, prompt: empty.md}", 2, "is empty"),
        ("{id: bob, prompt: long.md}", 2, "longer than 32768 bytes"),
        ("{id: bob, promt: bob.md}", 2, "agents[0].promt: unknown key"),
        ("{id: bob, prompt: bob.md, color: red}", 2, "agents[0].color: `red` is no color"),
        ("{id: bob, prompt: bob.md, color: '#12345'}", 2, "agents[0].color"),
        ("{id: bob, prompt: bob.md, icon: '<b>'}", 2, "agents[0].icon: must be one symbol"),
        ("{id: bob, prompt: bob.md, icon: ''}", 2, "agents[0].icon: must be one symbol"),
        ("{id: bob, prompt: bob.md, shortcut: F5}", 2, "agents[0].shortcut: `F5` is no shortcut"),
        ("{id: bob, prompt: bob.md, shortcut: Alt Shift A}", 2, "agents[0].shortcut: `Alt Shift A` is taken by alice"),
        ("{id: bob, prompt: bob.md, name: alice}", 2, "agents[0].name: `alice` is what alice goes by"),
        ("{id: bob, prompt: bob.md, name: ' Alice'}", 2, "agents[0].name: is empty, or begins"),
        ('{id: bob, prompt: bob.md, name: "Al\\u200bice"}', 2, "agents[0].name: holds line breaks or invisible"),
        ("{id: bob, prompt: bob.md, name: " + "x" * 41 + "}", 2, "agents[0].name: longer than 40"),
        ("{id: bob, prompt: bob.md, max_rounds: 0}", 2, "agents[0].max_rounds: Expected `int` >= 1"),
        ("{id: bob, prompt: bob.md, max_rounds: 101}", 2, "agents[0].max_rounds: Expected `int` <= 100"),
        ("{id: bob, prompt: bob.md, introduction: " + "x" * 601 + "}", 2, "agents[0].introduction: longer than 600"),
        ("{id: bob, prompt: bob.md, suggestions: [a, '']}", 2, "agents[0].suggestions[1]: is empty"),
        ("{id: bob, prompt: bob.md, suggestions: [a, b, c, d, e, f, g]}", 2, "agents[0].suggestions: more than 6"),
        ("{id: bob, prompt: bob.md, tools: [a]}", 2, "agents[0].tools: Expected `object`"),
        ("{id: bob, prompt: bob.md, tools: {allow: [a b]}}", 2, "agents[0].tools.allow[0]: `a b` is no tool name"),
        ("{id: bob, prompt: bob.md, tools: {deny: ['']}}", 2, "agents[0].tools.deny[0]"),
        ("{id: bob, prompt: bob.md}\n  - {id: bob, prompt: bob.md}", 3, "agents[1].id: `bob` is given twice"),
        ("{id: bob, prompt: bob.md}\ndefault: carol", 3, "default: no agent `carol`; there are alice, patricia"),
    ],
)
def test_mistake_in_the_users_file_is_named(tmp_path: Path, user: Path, entry: str, line: int, words: str) -> None:
    """File, line and key stand in the message, and nothing is loaded."""
    path = put(user, f"agents:\n  - {entry}\n", empty=" \n", long="x" * 32_769)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert words in str(caught.value)


def test_workspaces_agent_appears_beside_the_others(tmp_path: Path, workspace: Path) -> None:
    """A course can bring an agent of its own, who is offered no more than the default agent is."""
    put(workspace, BOB + "    tools: {allow: ['*']}\n")
    registry = load(tmp_path)
    bob = registry.get("bob")
    assert registry.problems == ()
    assert bob.instructions.endswith("You are Bob.")
    assert bob.may_use("read_cell", CELLS)
    assert not bob.may_use("run_shell")


def test_workspace_narrows_tools(tmp_path: Path, workspace: Path) -> None:
    """It may take away."""
    put(workspace, "agents:\n  - {id: alice, tools: {allow: ['tag:cells'], deny: [delete_cell]}}\n")
    alice = load(tmp_path).get("alice")
    assert alice.may_use("read_cell", CELLS)
    assert not alice.may_use("delete_cell", CELLS)
    assert not alice.may_use("read_file", frozenset({"files"}))


def test_workspace_never_widens_tools(tmp_path: Path, workspace: Path) -> None:
    """Whatever it allows, what the user's files do not allow is not offered."""
    put(workspace, "agents:\n  - {id: tessa, tools: {allow: ['*', 'tag:*']}}\n")
    registry = load(tmp_path)
    assert registry.problems == ()
    assert not registry.get("tessa").may_use("run_shell", frozenset({"shell"}))
    assert not registry.get("tessa").may_use("edit_cell", frozenset({"cells", "write"}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("default: bob\n" + BOB, "line 1: default: a workspace may not set this"),
        ("agents:\n  - {id: alice, prompt: bob.md}\n", "agents[0].prompt: a workspace may not set this for an agent"),
        ("agents:\n  - {id: alice, model: other}\n", "agents[0].model: a workspace may not set this"),
        ("agents:\n  - {id: alice, introduction: Hi}\n", "agents[0].introduction: a workspace may not set this"),
        (BOB + "    model: expensive\n", "line 4: agents[0].model: a workspace may not set this"),
        (BOB + "    parameters: {provider: {}}\n", "agents[0].parameters: a workspace may not set this"),
        (BOB + "    base_url: http://evil/v1\n", "agents[0].base_url: unknown key"),
        ("provider: {base_url: http://evil/v1}\n", "provider: unknown key"),
        (BOB + "    name: Alice\n", "agents[0].name: `Alice` is what alice goes by"),
        ("agents:\n  - {id: bob, prompt: ../../outside.md}\n", "leads out of"),
        ("agents:\n  - {id: bob, prompt: agents/alice.md}\n", "prompts/agents/alice.md: no such file"),
        ('agents:\n  - {id: bob, prompt: "a\\0.md"}\n', "cannot be found"),
        (f"agents:\n  - {{id: bob, prompt: {'a' * 5_000}}}\n", "cannot be found"),
        ("agents:\n" + "  - {id: bob, prompt: bob.md}\n" * 51, "agents: Expected `array` of length <= 50"),
        ("agents: [\n", "line 2"),
        ("a: &a [1]\nb: *a\n", "aliases are not supported"),
    ],
)
def test_mistaken_workspace_is_left_out_and_told(tmp_path: Path, workspace: Path, text: str, words: str) -> None:
    """A repository cannot stop the system: its file goes as a whole, and the reason is there to be shown."""
    path = put(workspace, text)
    registry = load(tmp_path)
    (problem,) = registry.problems
    assert words in problem
    assert str(path) in problem
    assert [spec.id for spec in registry.all()] == ["alice", "patricia", "tessa"]
    assert registry.get("alice") == load(tmp_path / "nowhere").get("alice")


@pytest.mark.parametrize("link", ["agents.yaml", "prompts/bob.md", "prompts", ""])
def test_link_out_of_the_workspace_is_refused(tmp_path: Path, workspace: Path, link: str) -> None:
    """A repository cannot show a model a file from elsewhere, by whatever part of the path."""
    outside = tmp_path / "outside"
    outside.mkdir()
    put(outside, BOB)
    put(workspace, BOB)
    target = workspace / link
    target.rename(tmp_path / "replaced")
    target.symlink_to(outside / link)
    registry = load(tmp_path)
    assert len(registry.problems) == 1
    assert "leads out of" in registry.problems[0]
    assert len(registry.all()) == 3


@pytest.mark.parametrize("link", ["agents.yaml", "prompts/bob.md", "prompts", ""])
@pytest.mark.parametrize("nowhere", [False, True])
def test_link_to_nowhere_or_in_a_circle_is_told(tmp_path: Path, workspace: Path, link: str, nowhere: bool) -> None:  # noqa: FBT001
    """It stops nobody."""
    put(workspace, BOB)
    target = workspace / link
    target.rename(tmp_path / "replaced")
    target.symlink_to("nowhere" if nowhere else target.name)
    registry = load(tmp_path)
    assert len(registry.problems) == 1
    assert target.name in registry.problems[0]
    assert len(registry.all()) == 3


def test_workspace_without_a_file_is_no_problem(tmp_path: Path) -> None:
    """Neither is one that does not exist, nor none at all."""
    assert load(tmp_path).problems == ()
    assert AgentRegistry.load(Config(), config_path=[]).problems == ()


def test_nothing_changes_after_loading(tmp_path: Path, user: Path) -> None:
    """Prompts are read once; a spec cannot be written to."""
    path = put(user, BOB)
    registry = load(tmp_path)
    path.unlink()
    (user / "prompts" / "bob.md").unlink()
    assert registry.get("bob").instructions.endswith("You are Bob.")
    with pytest.raises(AttributeError):
        registry.get("bob").name = "Rob"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@tessa test this", ("tessa", "test this")),
        ("@Tessa, test this", ("tessa", "test this")),
        ("@TESSA: test this", ("tessa", "test this")),
        ("@tessa\ntest\nthis", ("tessa", "test\nthis")),
        ("@tessa:test", ("tessa", "test")),
        ("  @tessa test", ("tessa", "test")),
        ("@tessa", ("tessa", "")),
        ("@tessa  ", ("tessa", "")),
        ("@tessa @alice hello", ("tessa", "@alice hello")),
        ("@dr bob hello", ("bob", "hello")),
        ("@bob hello", ("bob", "hello")),
        ("@tessabel hello", (None, "@tessabel hello")),
        ("@tessa@example.com is my address", (None, "@tessa@example.com is my address")),
        ("@tessa.com", (None, "@tessa.com")),
        ("@property\ndef x(self): ...", (None, "@property\ndef x(self): ...")),
        ("ask @tessa about it", (None, "ask @tessa about it")),
        ("me@tessa hello", (None, "me@tessa hello")),
        ("@ tessa", (None, "@ tessa")),
        ("@", (None, "@")),
        ("", (None, "")),
        ("  indented", (None, "  indented")),
    ],
)
def test_address_at_the_start_routes_a_message(
    tmp_path: Path, user: Path, text: str, expected: tuple[str | None, str]
) -> None:
    """By id or by name, in any case; everything else is left as it was written."""
    put(user, BOB + "    name: Dr Bob\n")
    assert route(text, load(tmp_path)) == expected


def test_longest_name_is_meant() -> None:
    """One agent's name may begin with another's."""
    names = {"bob": "one", "bob smith": "two"}
    assert addressed("@bob smith hello", names) == ("two", "hello")
    assert addressed("@bob smiths hello", names) == ("one", "smiths hello")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("tag:cels", "tag:cels matches no tool; is tag:cells meant?"),
        ("tag:weather", "tag:weather matches no tool"),
        ("read_fiel", "read_fiel matches no tool; is read_file meant?"),
        ("read_file", ""),
        ("tag:c*", ""),
        ("tag:client", ""),
        ("set_lamp", ""),
        ("lamp_*", ""),
    ],
)
def test_pattern_that_matches_nothing(tmp_path: Path, user: Path, workspace: Path, pattern: str, words: str) -> None:
    """It is told with its place, unless a client's own tool may be meant."""
    registered = ToolRegistry.load().all()
    for folder in (user, workspace):
        path = put(folder, f'agents:\n  - id: alice\n    tools:\n      allow: ["tag:*", "{pattern}"]\n')
    told = load(tmp_path).idle_patterns(registered)
    assert told == [
        f"{path}, line 4: agents[0].tools.allow[1]: {words}"
        for path in (user / path.name, workspace / path.name)
        if words
    ]
