"""Asks Python, not the value, what a value is: nothing that its class or its metaclass defines is executed.

So types are compared by identity alone: ``==`` and ``in`` would ask a metaclass, ``hash`` too. What is stored is read
by the descriptors of ``type`` and ``object`` themselves, and names are found only where they are plain text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from types import ModuleType
from typing import Any

_TYPE: Mapping[str, Any] = type.__dict__
_MODULE_DICT: Any = vars(ModuleType)["__dict__"]


def is_exactly(value: object, *types: type) -> bool:
    """Whether its type is one of these, and no subclass."""
    cls = type(value)
    return any(cls is known for known in types)


def mro(cls: type) -> tuple[type, ...]:
    """The class and those it inherits from."""
    found: tuple[type, ...] = _TYPE["__mro__"].__get__(cls)
    return found


def inherits(value: object, base: type) -> bool:
    """Whether it is an instance, whatever its class says."""
    return any(cls is base for cls in mro(type(value)))


def is_class(value: object) -> bool:
    """Whether it is a class."""
    return inherits(value, type)


def plain(text: str) -> str:
    """The characters of text whose class may be a user's."""
    return str.__str__(text)


def whole(text: str) -> str:
    """The text with half characters (lone surrogates) replaced, which could not be sent."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def own_name(cls: type) -> str:
    """A class's name."""
    return plain(_TYPE["__name__"].__get__(cls))


def module_name(cls: type) -> str:
    """The module of a class; empty where that is no plain text."""
    found = _TYPE["__module__"].__get__(cls)
    return found if type(found) is str else ""


def type_name(value: object) -> str:
    """The type's own name; with its package where that is not obvious."""
    cls = type(value)
    package = module_name(cls).split(".", maxsplit=1)[0]
    return own_name(cls) if package in {"builtins", "__main__", ""} else f"{package}.{own_name(cls)}"


def loaded(module: str, name: str) -> Any:
    """What a module has under this name, if it was ever loaded; else None."""
    found = sys.modules.get(module)
    if found is None or not inherits(found, ModuleType):
        return None
    # A library's own names are plain text, and many.
    return _MODULE_DICT.__get__(found).get(name)


def is_of(value: object, *modules: str) -> bool:
    """Whether its type, and no subclass of it, is what one of these modules has under the type's name."""
    name = own_name(type(value))
    return any(loaded(module, name) is type(value) for module in modules)


def stored(held: Mapping[Any, Any], name: str, default: Any = None) -> Any:
    """What is stored under a name. A key whose class is a user's is not asked whether it is equal."""
    for key, item in first(held.items(), len(held)):
        if type(key) is str and key == name:
            return item
    return default


def attribute(value: object, name: str, default: Any = None) -> Any:
    """What an instance stores under this name; no property, and nothing of its class."""
    return stored(instance_dict(value), name, default)


def instance_dict(value: object) -> dict[Any, Any]:
    """What an instance stores; empty where it stores nothing by name."""
    if inherits(value, ModuleType):
        return dict(_MODULE_DICT.__get__(value))
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if type(held) is dict else {}


def class_dict(cls: type) -> Mapping[str, Any]:
    """What a class itself stores."""
    held: Mapping[str, Any] = _TYPE["__dict__"].__get__(cls)
    return held


def first(items: Iterable[Any], count: int) -> list[Any]:
    """The first of them, also where a cell that runs changes them meanwhile."""
    for _ in range(3):
        try:
            return list(islice(items, count))
        except RuntimeError:
            # It changed its size meanwhile.
            continue
    return []
