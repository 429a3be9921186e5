"""Read a YAML file into a typed structure; whatever is wrong is named with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import inspect
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

from whisperer_kernel.errors import ConfigError

T = TypeVar("T")

MAX_BYTES = 1 << 16
MAX_VALUES = 2_000
"""Parsing takes a tenth of a millisecond for each, and a file may come with somebody's repository."""
MAX_DEPTH = 50

_TEXT, _NUMBERS = "tag:yaml.org,2002:str", {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]*)`")
_OF_A_KEY = "key` in `"
_NO_CHOICE = re.compile(r"Invalid enum value")


def read_text(path: Path) -> str:
    """The file's text. Raises ``ConfigError`` where it cannot be read, is not UTF-8, or is over 64 KiB."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes")
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except ValueError as error:
        raise ConfigError(f"{str(path)!a}: no file can have this name") from error


class Loader(yaml.SafeLoader):
    """Says where a value is wrong, and refuses what takes long or more than fits into memory."""

    _values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Without aliases: a few of them can stand for more than there is room for."""
        self._values += 1
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # untyped in the stubs
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "aliases are not supported", mark)
        if self._values > MAX_VALUES:
            raise ComposerError(None, None, f"more than {MAX_VALUES} values", mark)
        return super().compose_node(parent, index)

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Not too deep: the scanner looks at every open bracket again for each token."""
        if self.flow_level >= MAX_DEPTH:
            raise ScannerError(None, None, "nested too deeply", self.get_mark())
        super().fetch_flow_collection_start(token)

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """``12:30`` is text and not 750: numbers to the base of 60 are written by mistake, and slow where long."""
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return _TEXT if tag in _NUMBERS and ":" in value else tag

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as in PyYAML
        """A value that cannot be is named by its place and not repeated: it may be a secret."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, ValueError) as error:
            words = "cannot be read as a value; text may stand in quotes"
            raise ConstructorError(None, None, words, node.start_mark) from error


def _unknown_tag(_: Loader, node: yaml.Node) -> None:
    words = "could not determine a constructor for the tag; text that begins with ! stands in quotes"
    raise ConstructorError(None, None, words, node.start_mark)


Loader.add_constructor(None, _unknown_tag)


class YamlFile:
    """A parsed file that remembers the line of every key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = read_text(path)
        try:
            loader = Loader(text)
            self._root = loader.get_single_node()
            data = loader.construct_document(self._root) if self._root else None
        except (yaml.YAMLError, RecursionError) as error:
            raise ConfigError(self._unparsable(error, text)) from error
        self.data: Any = {} if data is None else data
        self._refuse_duplicates(self._root, "")

    def convert(self, kind: type[T]) -> T:
        """The data as ``kind``. Raises ``ConfigError`` that names the place."""
        try:
            return msgspec.convert(self.data, kind)
        except msgspec.ValidationError as error:
            raise self.error(*explained(error, kind)) from error

    def error(self, key: str, message: str) -> ConfigError:
        """A mistake at ``key`` (dotted, list positions in brackets: ``agents[0].prompt``)."""
        return ConfigError(
            f"{self.path}, line {self._line(key)}: {key}: {message}" if key else f"{self.path}: {message}"
        )

    def _unparsable(self, error: Exception, text: str) -> str:
        if isinstance(error, ReaderError):
            return f"{self.path}, line {text.count(chr(10), 0, error.position) + 1}: holds control characters"
        if isinstance(error, RecursionError):
            return f"{self.path}: nested too deeply"
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be parsed"
        return f"{self.path}, line {mark.line + 1}: {problem}" if mark else f"{self.path}: {problem}"

    def _line(self, key: str) -> int:
        node, line = self._root, 1
        for name, index in _STEP.findall("." + key):
            found = _child(node, name, index)
            if found is None:
                break
            line, node = found
        return line

    def _refuse_duplicates(self, node: Any, path: str) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                place = f"{path}.{key.value}" if path else str(key.value)
                if key.value in seen:
                    raise ConfigError(f"{self.path}, line {key.start_mark.line + 1}: {place}: given twice")
                seen.add(key.value)
                self._refuse_duplicates(value, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._refuse_duplicates(value, f"{path}[{index}]")


def explained(error: msgspec.ValidationError, kind: Any) -> tuple[str, str]:
    """The key at which the data is no ``kind``, dotted, and what is wrong there.

    No value is repeated: it may be a secret.
    """
    message, _, path = str(error).partition(" - at `")
    of_a_key = path.startswith(_OF_A_KEY)
    key = path.removeprefix(_OF_A_KEY).rstrip("`").removeprefix("$").removeprefix(".")
    if of_a_key:
        return key, "a key here must be text; one that looks like something else stands in quotes"
    if match := _UNKNOWN.match(message):
        return (f"{key}.{match['key']}" if key else match["key"]), "unknown key"
    if match := _MISSING.match(message):
        return key, f"`{match['key']}` is missing"
    if _NO_CHOICE.match(message):
        choices = _choices(inspect.type_info(kind), [name for name, _ in _STEP.findall("." + key)])
        return key, f"must be one of {', '.join(str(choice) for choice in choices)}"
    return key, message


def _choices(at: inspect.Type, steps: Sequence[str]) -> Iterator[Any]:
    """The values that may stand where the steps lead to: names of fields, empty for an item of a list."""
    match at:
        case inspect.Metadata():
            yield from _choices(at.type, steps)
        case inspect.UnionType():
            for one in at.types:
                yield from _choices(one, steps)
        case inspect.LiteralType() if not steps:
            yield from at.values
        case inspect.ListType() | inspect.VarTupleType() if steps:
            yield from _choices(at.item_type, steps[1:])
        case inspect.StructType() if steps:
            for field in at.fields:
                if field.encode_name == steps[0]:
                    yield from _choices(field.type, steps[1:])


def _child(node: Any, name: str, index: str) -> tuple[int, Any] | None:
    if index.isdigit() and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
        child = node.value[int(index)]
        return child.start_mark.line + 1, child
    if name and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line + 1, value
    return None
