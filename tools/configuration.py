"""Print docs/configuration.md, made from the settings as they are declared."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from whisperer_kernel.config import Config

HEAD = """# Configuration

Whisperer works without any. Where you want something else, write it into `config.yaml` in a folder `whisperer` in one
of Jupyter's config directories (`jupyter --paths` lists them; usually `~/.jupyter/whisperer/config.yaml`), or name a
file by `WHISPERER_CONFIG`. Each setting can also be given as an environment variable, `WHISPERER_<SECTION>__<KEY>`,
which goes before the file: `WHISPERER_PROVIDER__MODEL=openai/gpt-4o-mini`. A variable's value is read as YAML.

```yaml
provider:
  base_url: http://localhost:8000/v1
  api_key_env: MY_KEY        # the name of the variable that holds the key, never the key itself
  model: my-model
```

A wrong key or value stops Whisperer, not Jupyter: the message names the place, in the server's log, at
`/whisperer/health` and in the chat. A file in the workspace never sets any of this.

*This page is made from the code (`python tools/configuration.py > docs/configuration.md`).*
"""


def page() -> Iterator[str]:
    """The page's lines."""
    yield HEAD
    yield "## On top\n"
    yield from table(Config, [field for field in msgspec.structs.fields(Config) if not is_section(field)])
    for field in msgspec.structs.fields(Config):
        if is_section(field):
            section = type(field.default)
            yield f"## `{field.name}`\n\n{about(section)}\n"
            yield from table(section, msgspec.structs.fields(section))


def about(section: type[Any]) -> str:
    """What a section is about, in a line."""
    return " ".join(typing.cast("str", section.__doc__).split())


def is_section(field: msgspec.structs.FieldInfo) -> bool:
    """Whether the field is a section of settings."""
    return isinstance(field.default, msgspec.Struct)


def table(kind: type[Any], fields: typing.Iterable[msgspec.structs.FieldInfo]) -> Iterator[str]:
    """A table of settings."""
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    yield "| setting | type | default | |\n| --- | --- | --- | --- |"
    for field in fields:
        schema = properties[field.name]
        yield f"| `{field.name}` | {words(schema, field.type)} | {default(field)} | {schema['description']} |"
    yield ""


def words(schema: dict[str, Any], kind: Any) -> str:
    """A setting's type, and its bounds; of several words the order in which they are declared."""
    if "enum" in schema:
        plain = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
        return " or ".join(f"`{value}`" for value in typing.get_args(plain) or schema["enum"])
    kinds = [part for part in schema.get("anyOf", [schema]) if part["type"] != "null"]
    low, high = (kinds[0].get(key) for key in ("minimum", "maximum"))
    bounds = f", {low:,} to {high:,}" if low is not None and high is not None else ""
    return " or ".join(part["type"] for part in kinds) + bounds


def default(field: msgspec.structs.FieldInfo) -> str:
    """A setting's default as it would be written."""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if value is None else f"`{msgspec.json.encode(value).decode()}`"


if __name__ == "__main__":
    print("\n".join(page()).rstrip())
