"""Which provider answers.

In this order: what the configuration names; the key in OPENROUTER_API_KEY; the key in OPENAI_API_KEY; an Ollama or LM
Studio that runs on this machine; the built-in model.
"""

from __future__ import annotations

from collections.abc import Mapping

from whisperer_kernel import resources
from whisperer_kernel.ai.embedded import EmbeddedProvider
from whisperer_kernel.ai.local import LocalServer, find_local, ollama_url
from whisperer_kernel.ai.openai_compatible import Endpoint, OpenAICompatibleProvider
from whisperer_kernel.ai.provider import Provider
from whisperer_kernel.ai.scripted import ScriptedProvider
from whisperer_kernel.config import Config
from whisperer_kernel.errors import ConfigError
from whisperer_kernel.events import ProviderInfo

OPENROUTER, OPENAI = "OPENROUTER_API_KEY", "OPENAI_API_KEY"
OPENROUTER_URL = "https://openrouter.ai/api/v1"
OPENAI_URL = "https://api.openai.com/v1"
LM_STUDIO_URL = "http://localhost:1234/v1"
OPENROUTER_MODEL = "openrouter/auto"
LABELS = {"openrouter": "OpenRouter", "openai": "OpenAI", "ollama": "Ollama", "lmstudio": "LM Studio"}


async def choose(config: Config, environ: Mapping[str, str]) -> Provider:
    """The provider to use; asks nobody but this machine. Raises ``ConfigError`` where what is named cannot be used."""
    name = config.provider.name
    if name == "scripted":
        return _scripted(config)
    if name == "embedded" or (name is None and config.embedded.gguf and not config.provider.base_url):
        return EmbeddedProvider(config)
    if (endpoint := _named(config, environ) or _with_key(config, environ)) is None:
        endpoint = await _local(config, environ)
    return EmbeddedProvider(config) if endpoint is None else OpenAICompatibleProvider(endpoint, config.provider)


async def running_here(environ: Mapping[str, str]) -> list[ProviderInfo]:
    """Ollama and LM Studio, those of them that run on this machine."""
    servers = await find_local(_local_urls(environ))
    return [_local_endpoint(server, Config()).info for server in servers]


def in_general(name: str, config: Config) -> ProviderInfo:
    """A provider as it is shown where nothing is known of it here and now."""
    if name == "embedded":
        return EmbeddedProvider(config).info
    default = OPENROUTER_MODEL if name == "openrouter" else None
    return ProviderInfo(name=name, label=LABELS[name], model=config.provider.model or default)


def _scripted(config: Config) -> ScriptedProvider:
    script = config.provider.parameters.get("script")
    if script is None:
        return ScriptedProvider()
    if not isinstance(script, str):
        raise ConfigError("provider.parameters.script: must be the path of a YAML file")
    return ScriptedProvider.from_file(resources.expanded(script))


def _named(config: Config, environ: Mapping[str, str]) -> Endpoint | None:
    """What the configuration names."""
    match config.provider.name:
        case "openrouter":
            return _openrouter(config, environ)
        case "openai":
            return _openai(config, environ)
        case "ollama" | "lmstudio" if config.provider.base_url is None:
            return None  # asked for its models first, as where nothing is named
        case None if config.provider.base_url is None:
            return None
        case _:
            return _of_base_url(config, environ)


def _with_key(config: Config, environ: Mapping[str, str]) -> Endpoint | None:
    if config.provider.name is not None:
        return None
    return next((make(config, environ) for variable, make in KEYS.items() if environ.get(variable, "").strip()), None)


def _openrouter(config: Config, environ: Mapping[str, str]) -> Endpoint:
    variable = config.provider.api_key_env or OPENROUTER
    return Endpoint(
        info=ProviderInfo(name="openrouter", label="OpenRouter", model=config.provider.model or OPENROUTER_MODEL),
        base_url=config.provider.base_url or OPENROUTER_URL,
        key=_key(variable, "OpenRouter", environ),
        key_name=variable,
        extra={"usage": {"include": True}},  # the cost of each reply
    )


def _openai(config: Config, environ: Mapping[str, str]) -> Endpoint:
    variable = config.provider.api_key_env or OPENAI
    model = config.provider.model or environ.get("OPENAI_MODEL") or None
    url = config.provider.base_url or environ.get("OPENAI_BASE_URL") or OPENAI_URL
    return Endpoint(
        info=_info("openai", model, "name one in provider.model or OPENAI_MODEL"),
        base_url=url,
        key=_key(variable, "OpenAI", environ),
        key_name=variable,
    )


def _of_base_url(config: Config, environ: Mapping[str, str]) -> Endpoint:
    """An address of the user's own. A key goes there only where ``api_key_env`` says which."""
    settings = config.provider
    name = settings.name or "openai-compatible"
    variable = settings.api_key_env
    key = None if variable is None else _key(variable, LABELS.get(name, "this provider"), environ)
    info = _info(name, settings.model, "name one in provider.model")
    return Endpoint(info=info, base_url=settings.base_url or "", key=key, key_name=variable)


async def _local(config: Config, environ: Mapping[str, str]) -> Endpoint | None:
    """A server on this machine. Where one is named and does not answer, it is the choice all the same."""
    name = config.provider.name
    if name is None and not config.provider.probe_local:
        return None
    urls = {key: url for key, url in _local_urls(environ).items() if name in {None, key}}
    servers = await find_local(urls)
    if name is None:  # one without a model would be no help
        servers = [server for server in servers if server.models]
    if servers:
        return _local_endpoint(servers[0], config)
    return None if name is None else _local_endpoint(LocalServer(name=name, base_url=urls[name]), config)


def _local_urls(environ: Mapping[str, str]) -> dict[str, str]:
    return {"ollama": ollama_url(environ.get("OLLAMA_HOST", "")), "lmstudio": LM_STUDIO_URL}


def _local_endpoint(server: LocalServer, config: Config) -> Endpoint:
    model = config.provider.model or server.obvious_model
    return Endpoint(info=_info(server.name, model, "name one in provider.model"), base_url=server.base_url)


def _info(name: str, model: str | None, how: str) -> ProviderInfo:
    label = LABELS.get(name, "The provider")
    notice = None if model else f"{label} has no model by default: {how}."
    return ProviderInfo(name=name, label=label, model=model, notice=notice)


def _key(variable: str, label: str, environ: Mapping[str, str]) -> str:
    """The key. Raises ``ConfigError`` where there is none, or where it cannot stand in a header."""
    key = environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"{label} needs a key: put it into the environment variable {variable}, or enter it in the chat."
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"The key in {variable} holds characters that no key has; was it copied whole?")
    return key


KEYS = {OPENROUTER: _openrouter, OPENAI: _openai}
"""The variables that choose a provider by being there, in order."""
