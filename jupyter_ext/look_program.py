"""What is sent to a kernel that has no package of ours: the sources that look into it, and how they are executed there.

No name is left in the user's namespace, and nothing of the environment but the standard library and IPython is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

PACKAGE = "whisperer_kernel"
# In the order in which they need each other.
MODULES = (
    "notebook.exact",
    "notebook.tables",
    "notebook.values",
    "notebook.last_error",
    "verify.sources",
    "notebook.looks",
)

QUIET = '__import__("builtins").exec({program!r}, {{}})'
LOOK = '(lambda space: __import__("builtins").exec({program!r}, space) or space["answer"])({given!r})'

# What is registered for the end of an execution belongs to the person's cells: matplotlib would show, and close, the
# figure that the running cell has only begun. So this thread triggers none of it, until the look is over.
_BE_QUIET = """
import threading
from IPython import get_ipython

class Quiet(list):
    thread = threading.get_ident()

    def __getitem__(self, index):
        is_ours = isinstance(index, slice) and threading.get_ident() == self.thread
        return [] if is_ours else super().__getitem__(index)

for event in ("pre_execute", "post_execute"):
    callbacks = get_ipython().events.callbacks
    callbacks[event] = Quiet(callbacks[event])
"""

_LOOK = """
import builtins, json, sys, types
from IPython import get_ipython

modules = {}

def find(name, *rest, **more):
    return modules[name] if name in modules else builtins.__import__(name, *rest, **more)

try:
    for name, source in sources:
        modules[name] = types.ModuleType(name)
        modules[name].__dict__["__builtins__"] = {**vars(builtins), "__import__": find}
        exec(compile(source, name, "exec"), modules[name].__dict__)
    looks = modules[name]
    try:
        answer = {"result": getattr(looks.Looks(get_ipython()), tool)(**arguments)}
    except looks.NotThere as error:
        answer = {"problem": str(error)}
except Exception as error:
    answer = {"problem": "Python %s could not tell: %s: %s" % (sys.version.split()[0], type(error).__name__, error)}
finally:
    for event in ("pre_execute", "post_execute"):
        callbacks = get_ipython().events.callbacks
        callbacks[event] = list(callbacks[event])
answer = json.dumps(answer)
"""


def quiet() -> str:
    """Code that is executed before the look."""
    return QUIET.format(program=_BE_QUIET)


def look(tool: str, arguments: Mapping[str, Any]) -> str:
    """An expression whose value is JSON text: ``{"result": …}``, or ``{"problem": …}`` in words."""
    given = {"sources": _sources(), "tool": tool, "arguments": dict(arguments)}
    return LOOK.format(program=_LOOK, given=given)


@cache
def _sources() -> list[tuple[str, str]]:
    folder = files(PACKAGE)
    return [
        (f"{PACKAGE}.{name}", folder.joinpath(f"{name.replace('.', '/')}.py").read_text("utf-8")) for name in MODULES
    ]
