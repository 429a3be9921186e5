"""Configuration: every mistake is named with its file, line and key, or with its variable."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from whisperer_kernel import config
from whisperer_kernel.errors import ConfigError
from whisperer_kernel.yamlfile import MAX_BYTES, YamlFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Jupyter config directory, with room for our file."""
    (tmp_path / "whisperer").mkdir()
    return tmp_path


def write(folder: Path, text: str) -> Path:
    """Our file in a config directory."""
    path = folder / "whisperer" / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, environ: dict[str, str] | None = None) -> str:
    """What is said about a configuration that is wrong."""
    with pytest.raises(ConfigError) as caught:
        config.load(environ or {}, [str(folder)])
    return str(caught.value)


def test_defaults_without_file_and_variables() -> None:
    """Nothing has to be configured."""
    loaded = config.load({}, [])
    assert loaded == config.Config()
    assert loaded.store_url.startswith("sqlite:///")


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n"])
def test_empty_file_changes_nothing(folder: Path, text: str) -> None:
    """A file may hold comments alone."""
    write(folder, text)
    assert config.load({}, [str(folder)]) == config.Config()


def test_first_folder_wins(folder: Path, tmp_path: Path) -> None:
    """The user's file hides the system's."""
    write(folder, "limits: {max_queue: 3}")
    other = tmp_path / "system"
    (other / "whisperer").mkdir(parents=True)
    write(other, "limits: {max_queue: 4}")
    assert config.load({}, [str(folder), str(other)]).limits.max_queue == 3


def test_variables_go_over_the_file(folder: Path) -> None:
    """A variable changes its own key and leaves the others of its section."""
    write(folder, "limits: {max_queue: 3, max_rounds: 4}\nprovider: {name: openai}")
    environ = {
        "WHISPERER_LIMITS__MAX_QUEUE": "7",
        "WHISPERER_PROVIDER__PARAMETERS": "{temperature: 0.5}",
        "WHISPERER_AGENTS_FILE": "/srv/agents.yaml",
        "PATH": "/bin",
    }
    loaded = config.load(environ, [str(folder)])
    assert (loaded.limits.max_queue, loaded.limits.max_rounds) == (7, 4)
    assert (loaded.provider.name, loaded.provider.parameters) == ("openai", {"temperature": 0.5})
    assert loaded.agents_file == "/srv/agents.yaml"


def test_variable_names_the_file(tmp_path: Path) -> None:
    """WHISPERER_CONFIG goes before every folder."""
    path = tmp_path / "mine.yaml"
    path.write_text("limits: {max_queue: 5}", encoding="utf-8")
    assert config.load({"WHISPERER_CONFIG": str(path)}, []).limits.max_queue == 5


def test_missing_named_file_names_the_variable(tmp_path: Path) -> None:
    """A file that was asked for by name has to be there."""
    said = mistake(tmp_path, {"WHISPERER_CONFIG": str(tmp_path / "gone.yaml")})
    assert said == f"environment variable WHISPERER_CONFIG: {tmp_path / 'gone.yaml'}: no such file"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("provider:\n  modle: x\n", 2, "provider.modle: unknown key"),
        ("providers: {}\n", 1, "providers: unknown key"),
        ("limits:\n  max_queue: many\n", 2, "limits.max_queue: Expected `int`, got `str`"),
        ("limits:\n\n  max_queue: 0\n", 3, "limits.max_queue: Expected `int` >= 1"),
        ("provider:\n  connect_timeout_s: -1\n", 2, "provider.connect_timeout_s: Expected `float` > 0"),
        ("provider:\n  connect_timeout_s: .inf\n", 2, "provider.connect_timeout_s: Expected `float` <= 86400"),
        ("tools:\n  highest_mode: asks\n", 2, "tools.highest_mode: must be one of ask, auto, edit, plan"),
        ("provider: openai\n", 1, "provider: Expected `object`, got `str`"),
        ("provider:\n  headers: {X-A: 1}\n", 2, "provider.headers[...]: Expected `str`, got `int`"),
        ("store:\n  url: null\nprovider:\n  name: gpt\n", 4, "provider.name: unknown provider `gpt`"),
        ("provider:\n  base_url: ftp://host/v1\n", 2, "provider.base_url: not an http(s) address"),
        ("provider:\n  base_url: 'http://[::1'\n", 2, "provider.base_url: not an http(s) address"),
        ("provider:\n  base_url: http://host:99999/v1\n", 2, "provider.base_url: its port must be between 1 and 65535"),
        ("provider:\n  base_url: http://host:0/v1\n", 2, "provider.base_url: its port must be between 1 and 65535"),
        ("provider:\n  base_url: http://host:abc/v1\n", 2, "provider.base_url: its port must be between 1 and 65535"),
        ('provider:\n  base_url: "http://h\\u202eé/v1"\n', 2, "provider.base_url: holds no name that a host can have"),
        ("provider:\n  base_url: http://..../v1\n", 2, "provider.base_url: holds no name that a host can have"),
        (f"provider:\n  base_url: http://{'a' * 300}/v1\n", 2, "provider.base_url: holds no name that a host can have"),
        ("provider:\n  base_url: http://h h/v1\n", 2, "provider.base_url: holds no name that a host can have"),
        ("provider:\n  headers: {Content-Length: '1'}\n", 2, "provider.headers: Content-Length: the connection sets"),
        ("provider:\n  headers: {host: a, TE: b}\n", 2, "provider.headers: TE, host: the connection sets this itself"),
        ("provider:\n  headers: {'': a}\n", 2, "provider.headers: one of the names is none that a header can have"),
        (
            'provider:\n  headers: {"a\\nb": a}\n',
            2,
            "provider.headers: one of the names is none that a header can have",
        ),
        ('provider:\n  headers: {a: "b\\r\\nc: 1"}\n', 2, "provider.headers: one of the values holds line breaks"),
        ("provider:\n  headers: {1: a}\n", 2, "provider.headers: a key here must be text"),
        ("limits:\n  1: 2\n", 1, "limits: a key here must be text"),
        ("store:\n  url: 'sqlite:///'\n", 2, "store.url: names no file"),
        ("agents_file: ~nouser/a.yaml\n", 1, "agents_file: ~nouser: there is no such home directory"),
        ('agents_file: "a\\0b"\n', 1, "agents_file: holds a null character"),
        ("embedded:\n  gguf: ~nouser/a.gguf\n", 2, "embedded.gguf: ~nouser: there is no such home directory"),
        ("store:\n  url: redis-ish\n", 2, "store.url: must begin with sqlite:///"),
        ("limits:\n  max_queue: 1\n  max_queue: 2\n", 3, "limits.max_queue: given twice"),
        ("limits:\n  max_queue: [1\n", 3, "expected ',' or ']'"),
        ("limits:\n\tmax_queue: 1\n", 2, "found character '\\t'"),
        ("provider: &a {}\nstore: *a\n", 2, "aliases are not supported"),
        ("provider:\n  model: 2024-13-45\n", 2, "cannot be read as a value"),
        ("provider:\n  model: !!float 1" + ":59" * 9_000, 2, "cannot be read as a value"),
        ("provider:\n  model: !!int ''\n", 2, "cannot be read as a value"),
        ("provider:\n  model: !!bool maybe\n", 2, "cannot be read as a value"),
        ("provider:\n  model: !!timestamp today\n", 2, "cannot be read as a value"),
        ("provider:\n  model: a\x00b\n", 2, "holds control characters"),
        ("provider:\n  model: !!python/name:os.system\n", 2, "could not determine a constructor"),
        ("{[1]: 2}: 3\n", 1, "found unhashable key"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
    ],
)
def test_mistake_in_the_file_is_named(folder: Path, text: str, line: int, words: str) -> None:
    """File, line and key stand in the message."""
    path = write(folder, text)
    said = mistake(folder)
    assert said.startswith(f"{path}, line {line}: ")
    assert words in said


def test_key_at_the_top_that_is_no_text_is_named(folder: Path) -> None:
    """A number is no setting's name."""
    path = write(folder, "1: 2\n")
    assert mistake(folder).startswith(f"{path}: a key here must be text")


@pytest.mark.parametrize(
    ("name", "said"),
    [("~nouser/x", "~nouser: there is no such home directory"), ("x" * 5_000, f"{'x' * 200}: File name too long")],
)
def test_named_file_that_cannot_be_names_the_variable(tmp_path: Path, name: str, said: str) -> None:
    """Whatever the system says of such a name."""
    assert mistake(tmp_path, {"WHISPERER_CONFIG": name}) == f"environment variable WHISPERER_CONFIG: {said}"


@pytest.mark.parametrize("url", ["http://[::1]:8000/v1", "https://bücher.example/v1", "http://my_host:1/v1"])
def test_address_of_a_host(url: str) -> None:
    """By number, in any script, and as people name theirs."""
    assert config.load({"WHISPERER_PROVIDER__BASE_URL": url}, []).provider.base_url == url


@pytest.mark.parametrize("text", ["- a\n", "just text\n"])
def test_file_that_is_no_mapping_is_named(folder: Path, text: str) -> None:
    """A list or a bare text is not a configuration."""
    path = write(folder, text)
    assert mistake(folder).startswith(f"{path}: Expected `object`")


@pytest.mark.parametrize(("text", "place"), [("[", ", line 1"), ("- ", ""), ("? ", "")])
def test_nesting_without_end_is_refused(folder: Path, text: str, place: str) -> None:
    """No file makes the parser run out of stack."""
    path = write(folder, text * 30_000)
    assert mistake(folder) == f"{path}{place}: nested too deeply"


def test_file_that_is_no_text_is_refused(folder: Path) -> None:
    """Bytes that are not UTF-8 are named with their place."""
    path = folder / "whisperer" / "config.yaml"
    path.write_bytes(b"a: \xff")
    assert mistake(folder) == f"{path}: not UTF-8 text (byte 3)"


def test_file_that_is_too_large_is_refused(folder: Path) -> None:
    """Nobody writes 64 KiB of settings."""
    path = write(folder, "#" * (MAX_BYTES + 1))
    assert mistake(folder) == f"{path}: larger than {MAX_BYTES} bytes"


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The reason is the system's own."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        YamlFile(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WHISPERER_LIMITS__MAX_QUEUE", "many", "Expected `int`, got `str`"),
        ("WHISPERER_LIMITS__MAX_QEUE", "1", "MAX_QEUE: unknown key"),
        ("WHISPERER_LIMIT__MAX_QUEUE", "1", "LIMIT__MAX_QUEUE: unknown key"),
        ("WHISPERER_TOOLS__HIGHEST_MODE", "asks", "must be one of ask, auto, edit, plan"),
        ("WHISPERER_LIMITS", "1", "Expected `object`, got `int`"),
        ("WHISPERER_AGENTS_FILE__X", "1", "Expected `str | null`, got `object`"),
        ("WHISPERER_PROVIDER__NAME", "gpt", "unknown provider `gpt`"),
        ("WHISPERER_PROVIDER__BASE_URL", "http://me:pw@host/v1", "must hold no user, password or query"),
        ("WHISPERER_STORE__URL", "files", "must begin with sqlite:///"),
        ("WHISPERER_PROVIDER__PARAMETERS", "{a: ", "Expected `object`, got `str`"),
        ("WHISPERER_PROVIDER__API_KEY_ENV", "MY KEY", "must be a variable's name"),
    ],
)
def test_mistake_in_a_variable_is_named(folder: Path, name: str, value: str, words: str) -> None:
    """The variable stands in the message, also where a file sets the same key well."""
    write(folder, "provider: {name: openai, base_url: https://host/v1}\nagents_file: a.yaml\n")
    said = mistake(folder, {name: value})
    assert said.startswith(f"environment variable {name}: ")
    assert words in said
    assert "pw" not in said


SECRET = "sk-or-v1-SECRET0123456789abcdef"  # noqa: S105 - nobody's


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key_env", SECRET),
        ("api_key_env", SECRET.removeprefix("sk-or-v1-")),
        ("api_key_env", f"gsk_{SECRET.removeprefix('sk-or-v1-')}"),
        ("base_url", f"https://me:{SECRET}@host/v1"),
        ("base_url", f"https://host/v1?key={SECRET}"),
        ("base_url", SECRET),
        ("headers", SECRET),
        ("headers", f"{{X-Key: [{SECRET}]}}"),
        ("headers", f"{{X-Key: !{SECRET}}}"),
        ("headers", f"{{X-Key: !!int {SECRET}}}"),
        ("headers", f"{{X-Key: *{SECRET}}}"),
        ("headers", f'{{X-Key: "{SECRET}}}'),
    ],
)
def test_secret_in_the_wrong_place_is_not_repeated(folder: Path, key: str, value: str) -> None:
    """It does not go into the log, the chat and the store as well, wherever the setting was made."""
    assert SECRET[-16:] not in mistake(folder, {f"WHISPERER_PROVIDER__{key.upper()}": value})
    write(folder, f"provider:\n  {key}: {value}\n")
    said = mistake(folder)
    assert SECRET[-16:] not in said
    assert ", line 2: " in said or ", line 3: " in said


@pytest.mark.parametrize("name", ["OPENROUTER_API_KEY", "_k", "MyKey2", "AZURE_OPENAI_KEY_FOR_TEAM_SEVEN_IN_STAGING"])
def test_name_of_a_variable_is_taken(name: str) -> None:
    """As shells and people write them."""
    assert config.load({"WHISPERER_PROVIDER__API_KEY_ENV": name}, []).provider.api_key_env == name


def test_time_of_day_is_text(folder: Path) -> None:
    """YAML 1.1 reads 10:30 as 630, which nobody means."""
    write(folder, "provider: {parameters: {a: 10:30, b: 1:30.5, c: 5, d: 0.5}}")
    assert config.load({}, [str(folder)]).provider.parameters == {"a": "10:30", "b": "1:30.5", "c": 5, "d": 0.5}


@pytest.mark.parametrize(
    "text",
    [
        "[" + "?," * 32_000 + "]",
        "[" + "a: b," * 13_000 + "]",
        "".join(f"k{number}: 1\n" for number in range(7_000)),
        "a: !!omap [" + "a: 1," * 12_000 + "]",
        "{<<: " * 48 + "{" + ",".join(f"{number:x}: 1" for number in range(1_900)) + "}" * 49,
        "a: 1" + ":59" * 21_000,
        "a: !!int 1" + ":59" * 21_000,
        "a: " + "1_" * 32_000,
        "a: " + "a " * 32_000,
        "a: >\n" + " a\n" * 21_000,
        "%a b\n" * 12_000,
        "[" * 65_000,
    ],
)
def test_no_file_takes_long(folder: Path, text: str) -> None:
    """Whatever is in the 64 KiB that somebody's repository may bring."""
    path = write(folder, text)
    began = time.thread_time()
    with contextlib.suppress(ConfigError):
        YamlFile(path)
    assert time.thread_time() - began < 1


def test_duplicate_in_a_list_is_named(tmp_path: Path) -> None:
    """Keys are counted at every depth."""
    path = tmp_path / "agents.yaml"
    path.write_text("agents:\n  - id: a\n  - id: b\n    id: c\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 4: agents\[1\].id: given twice"):
        YamlFile(path)


def test_error_at_a_key_that_is_missing_names_its_parent(tmp_path: Path) -> None:
    """A line is given also where the key itself is not in the file."""
    path = tmp_path / "agents.yaml"
    path.write_text("agents:\n  - id: a\n  - id: b\n", encoding="utf-8")
    assert (
        str(YamlFile(path).error("agents[1].prompt", "is missing")) == f"{path}, line 3: agents[1].prompt: is missing"
    )
