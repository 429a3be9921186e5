"""Every setting: one place, one default, one line of documentation.

``config.yaml`` in Jupyter's config directories (or the file that ``WHISPERER_CONFIG`` names), over it the environment
as ``WHISPERER_<SECTION>__<KEY>``. A file in the workspace is never read here: it comes with somebody's repository and
must not say where prompts and keys are sent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from jupyter_core.paths import jupyter_config_path, jupyter_data_dir

from whisperer_kernel import resources
from whisperer_kernel.errors import ConfigError
from whisperer_kernel.events import Mode
from whisperer_kernel.settingchecks import bad_address, bad_headers, bad_path
from whisperer_kernel.yamlfile import Loader, YamlFile, explained

PREFIX = "WHISPERER_"
SHOWN_CHARS = 200
# Named like settings, but they say where settings are, or belong to the test suite.
NOT_SETTINGS = {"WHISPERER_CONFIG", "WHISPERER_CHROMIUM", "WHISPERER_SCREENSHOTS"}

# A variable's name; keys consist of longer words or hold other characters.
_VARIABLE = re.compile(r"(?!.*[A-Za-z0-9]{21})[A-Za-z_][A-Za-z0-9_]{0,99}")

PROVIDERS = {None, "openrouter", "openai", "ollama", "lmstudio", "embedded", "scripted"}

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


def doc(text: str) -> msgspec.Meta:
    """The one line that documents a setting."""
    return msgspec.Meta(description=text)


class Section(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A part of the configuration; a key it does not know is an error."""


class ProviderConfig(Section, kw_only=True, frozen=True):
    """Who serves the model.

    Where nothing is set, the first of: OPENROUTER_API_KEY, OPENAI_API_KEY (with OPENAI_BASE_URL and OPENAI_MODEL), a
    running Ollama or LM Studio, the built-in model.
    """

    name: Annotated[
        str | None,
        doc(
            "openrouter, openai, ollama, lmstudio, embedded or scripted; empty: the first that is found in that order."
        ),
    ] = None
    base_url: Annotated[str | None, doc("Address of any OpenAI-compatible API, up to and with its /v1.")] = None
    api_key_env: Annotated[str | None, doc("Name of the environment variable that holds the key for base_url.")] = None
    model: Annotated[str | None, doc("Model to ask; empty: the provider's own default, where it has one.")] = None
    headers: Annotated[dict[str, str], doc("Further request headers, for gateways that want them.")] = {}
    parameters: Annotated[
        dict[str, Any], doc("Request parameters for every agent: temperature, max_tokens and the like.")
    ] = {}
    connect_timeout_s: Annotated[Seconds, doc("Longest wait for a connection.")] = 10.0
    first_byte_timeout_s: Annotated[Seconds, doc("Longest wait for the response's headers.")] = 60.0
    idle_timeout_s: Annotated[Seconds, doc("Longest silence in a stream; keep-alive comments count as silence.")] = 90.0
    max_retries: Annotated[
        int, msgspec.Meta(ge=0, le=10), doc("Attempts after the first that failed, before any text has arrived.")
    ] = 2
    max_retry_wait_s: Annotated[
        float, msgspec.Meta(ge=0, le=3_600), doc("Longest Retry-After that is waited for; a longer one ends the turn.")
    ] = 30.0
    context_length: Annotated[
        Count | None, doc("Tokens that fit into the model's context; empty: as the provider says, else 32,768.")
    ] = None
    locked: Annotated[bool, doc("Clients may neither choose another provider nor enter keys.")] = False
    probe_local: Annotated[bool, doc("Look for a running Ollama or LM Studio on loopback.")] = True


class EmbeddedConfig(Section, kw_only=True, frozen=True):
    """The built-in demo model, which needs no key."""

    gguf: Annotated[str | None, doc("Path of a local GGUF file to run instead of the built-in model.")] = None
    context_length: Annotated[
        int, msgspec.Meta(ge=512, le=131_072), doc("Tokens of context for each of two requests at once.")
    ] = 4_096
    threads: Annotated[int, msgspec.Meta(ge=1, le=256), doc("Processor threads of the model.")] = 2
    idle_stop_s: Annotated[Seconds, doc("The model's process ends after being idle for this long.")] = 600.0


class LimitsConfig(Section, kw_only=True, frozen=True):
    """Bounds; each is enforced, none is silent."""

    max_sessions: Annotated[Count, doc("Live sessions of one server.")] = 100
    max_connections: Annotated[Count, doc("Open sockets of one server.")] = 200
    max_message_bytes: Annotated[Count, doc("Largest frame a client may send; a larger one closes the socket.")] = (
        1_048_576
    )
    permission_timeout_s: Annotated[
        Seconds, doc("A tool call that needs a yes and gets no answer this long is denied.")
    ] = 300.0
    max_queue: Annotated[Count, doc("Messages of one session that wait for the running turn.")] = 20
    max_rounds: Annotated[Count, doc("Model responses in one turn, tool calls between them.")] = 12
    max_reply_bytes: Annotated[Count, doc("Largest reply of one turn; a longer one ends as length.")] = 4_194_304
    history_tokens: Annotated[
        Count, doc("Most tokens of history sent with a message, whatever the model would take.")
    ] = 100_000
    context_tokens: Annotated[
        Count, doc("Most tokens of what is sent along with one message: cells, variables, files, selections.")
    ] = 12_000
    replay_events: Annotated[
        Count, doc("Events of a session that are replayed one by one; older ones as a snapshot.")
    ] = 10_000
    resume_grace_s: Annotated[Seconds, doc("A session whose last connection is gone stays in memory this long.")] = (
        120.0
    )
    max_client_backlog_bytes: Annotated[Count, doc("Unread bytes of one connection before it is closed.")] = 8_388_608


class ToolsConfig(Section, kw_only=True, frozen=True):
    """What agents may do, whatever anybody says in a session."""

    deny: Annotated[tuple[str, ...], doc("Tools that are never carried out; names or globs.")] = ()
    ask: Annotated[tuple[str, ...], doc("Tools that need a yes in every mode; names or globs.")] = ()
    highest_mode: Annotated[Mode, doc("The most permissive mode a session may be put into.")] = "auto"


class StoreConfig(Section, kw_only=True, frozen=True):
    """Where sessions are kept."""

    url: Annotated[
        str | None,
        doc("sqlite:///absolute/path.db or memory://; empty: whisperer/sessions.db in Jupyter's data directory."),
    ] = None


class ServerConfig(Section, kw_only=True, frozen=True):
    """The server extension."""

    ping_interval_s: Annotated[Seconds, doc("Time between pings on a socket.")] = 20.0
    ping_timeout_s: Annotated[
        Seconds, doc("A socket that answers no ping for this long is closed; at most the interval counts.")
    ] = 20.0


class Config(Section, kw_only=True, frozen=True):
    """All settings together."""

    provider: ProviderConfig = ProviderConfig()
    embedded: EmbeddedConfig = EmbeddedConfig()
    limits: LimitsConfig = LimitsConfig()
    tools: ToolsConfig = ToolsConfig()
    store: StoreConfig = StoreConfig()
    server: ServerConfig = ServerConfig()
    agents_file: Annotated[
        str | None,
        doc("An agents.yaml of your own, read over the packaged one; empty: the one in Jupyter's config directory."),
    ] = None

    @property
    def store_url(self) -> str:
        """The store's URL, the default filled in."""
        return self.store.url or f"sqlite:///{Path(jupyter_data_dir()) / 'whisperer' / 'sessions.db'}"


def load(environ: Mapping[str, str] | None = None, config_path: Sequence[str] | None = None) -> Config:
    """The configuration in force. Raises ``ConfigError`` that names file, line and key, or the variable."""
    environ = os.environ if environ is None else environ
    file = _read(environ, jupyter_config_path() if config_path is None else config_path)
    data = {} if file is None else file.data
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            data = _override(data, name, value)
    config = msgspec.convert(data, Config)
    for key, message in _mistakes(config):
        raise _located(key, message, file, environ)
    return config


def _read(environ: Mapping[str, str], config_path: Sequence[str]) -> YamlFile | None:
    """The file in force, its types checked."""
    source = _find(environ, config_path)
    if source is None:
        return None
    file = YamlFile(source)
    file.convert(Config)
    return file


def _find(environ: Mapping[str, str], config_path: Sequence[str]) -> Path | None:
    if named := environ.get("WHISPERER_CONFIG"):
        return _named(named)
    candidates = (Path(folder) / "whisperer" / "config.yaml" for folder in config_path)
    return next((path for path in candidates if path.is_file()), None)


def _named(name: str) -> Path:
    """The file that ``WHISPERER_CONFIG`` names. Raises ``ConfigError`` where there is none."""
    try:
        path = resources.expanded(name)
        problem = "" if path.is_file() else f"{path}: no such file"
    except ConfigError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{name[:SHOWN_CHARS]}: {error.strerror}"
    if problem:
        raise ConfigError(f"environment variable WHISPERER_CONFIG: {problem}")
    return path


def _override(data: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    """``data`` with one environment variable laid over it, checked by itself so that the error can name it."""
    section, _, key = name.removeprefix(PREFIX).lower().partition("__")
    alone = {section: {key: _scalar(value)} if key else _scalar(value)}
    try:
        msgspec.convert(alone, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"environment variable {name}: {explained(error, Config)[1]}") from error
    return {**data, section: {**data.get(section, {}), **alone[section]} if key else alone[section]}


def _scalar(value: str) -> Any:
    """A variable's value read as YAML reads it, so that numbers, booleans and maps can be given."""
    try:
        return Loader(value).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError):
        return value


def _located(key: str, message: str, file: YamlFile | None, environ: Mapping[str, str]) -> ConfigError:
    """The error at the place where the setting was made; a variable goes before the file, as its value does."""
    variable = PREFIX + key.upper().replace(".", "__")
    if variable in environ or file is None:
        return ConfigError(f"environment variable {variable}: {message}")
    return file.error(key, message)


def _mistakes(config: Config) -> Iterator[tuple[str, str]]:
    """What types cannot say: a key and what is wrong with it."""
    if config.provider.base_url is not None and (message := bad_address(config.provider.base_url)):
        yield "provider.base_url", message
    if message := bad_headers(config.provider.headers):
        yield "provider.headers", message
    if config.provider.api_key_env is not None and not _VARIABLE.fullmatch(config.provider.api_key_env):
        yield "provider.api_key_env", "must be a variable's name, OPENROUTER_API_KEY for instance, never the key itself"
    if config.provider.name not in PROVIDERS:
        yield "provider.name", f"unknown provider `{config.provider.name}`"
    if not config.store_url.startswith(("sqlite:///", "memory://")):
        yield "store.url", "must begin with sqlite:/// or be memory://"
    elif not config.store_url.removeprefix("sqlite:///").strip():
        yield "store.url", "names no file: sqlite:///absolute/path.db"
    for key, name in (("agents_file", config.agents_file), ("embedded.gguf", config.embedded.gguf)):
        if name is not None and (message := bad_path(name)):
            yield key, message
