"""Imports go down only: the layers of the system, and who may touch which library."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Lowest first. Modules of one layer may know each other (never in a circle); packages of one layer may not.
LAYERS = (
    {
        "whisperer_kernel.version",
        "whisperer_kernel.errors",
        "whisperer_kernel.events",
        "whisperer_kernel.harmless",
        "whisperer_kernel.markdown",
    },
    {
        "whisperer_kernel.yamlfile",
        "whisperer_kernel.config",
        "whisperer_kernel.settingchecks",
        "whisperer_kernel.resources",
    },
    {"whisperer_kernel.tools"},
    {"whisperer_kernel.ai"},
    {"whisperer_kernel.agents"},
    {"whisperer_kernel.plans", "whisperer_kernel.verify"},
    {"whisperer_kernel.sessions"},
    {"whisperer_kernel.rpc"},
    {"whisperer_kernel.notebook", "jupyter_ext"},
    {"whisperer_kernel"},
)

# Library -> the only packages that may import it.
KEPT_IN = {
    "httpx": {"whisperer_kernel.ai"},
    "xllamacpp": {"whisperer_kernel.ai"},
    "IPython": {"whisperer_kernel.notebook"},
    "anywidget": {"whisperer_kernel.notebook"},
    "comm": {"whisperer_kernel.notebook"},
    "ipykernel": {"whisperer_kernel.notebook"},
    "ipywidgets": {"whisperer_kernel.notebook"},
    "jsonschema": {"whisperer_kernel.tools"},
    "jupyter_server": {"jupyter_ext"},
    "regex": {"whisperer_kernel.tools"},
    "tornado": {"jupyter_ext", "whisperer_kernel.notebook"},
}

Graph = dict[str, set[str]]


def module_name(path: Path, root: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(root: Path) -> dict[str, Path]:
    """Every module of the product, by dotted name; what npm installed is not ours."""
    found = (path for package in ("whisperer_kernel", "jupyter_ext") for path in (root / package).rglob("*.py"))
    return {module_name(path, root): path for path in found if "node_modules" not in path.parts}


def imported(path: Path, name: str, modules: frozenset[str]) -> Iterator[str]:
    """Every module a file imports, wherever in the file, for types alone as well."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in modules else base


def imports(root: Path) -> Graph:
    """Module -> what it imports, our own and others'."""
    found = sources(root)
    return {name: set(imported(path, name, frozenset(found))) for name, path in found.items()}


def unit_of(module: str) -> str:
    """The name a module goes by in ``LAYERS``: its package, or itself where it stands alone."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "whisperer_kernel" else parts[0]


def layer_of(unit: str) -> int | None:
    """How high a unit lies; None where ``LAYERS`` does not place it."""
    return next((height for height, units in enumerate(LAYERS) if unit in units), None)


def is_package(unit: str, modules: Graph) -> bool:
    """Whether a unit holds modules of its own."""
    return any(module.startswith(f"{unit}.") for module in modules)


def upward(graph: Graph) -> Iterator[str]:
    """A sentence for every import that does not go down."""
    for module, targets in sorted(graph.items()):
        for target in sorted(targets & graph.keys()):
            unit, other = unit_of(module), unit_of(target)
            height, below = layer_of(unit), layer_of(other)
            if height is None or below is None:
                yield f"{module}: {unit if height is None else other} has no place in LAYERS"
            elif unit != other and (below > height or (below == height and is_package(other, graph))):
                yield f"{module} imports {target}, which lies no lower"


def misplaced(graph: Graph) -> Iterator[str]:
    """A sentence for every library that is imported outside its home."""
    for module, targets in sorted(graph.items()):
        for library in sorted({target.split(".")[0] for target in targets} & KEPT_IN.keys()):
            if unit_of(module) not in KEPT_IN[library]:
                yield f"{module} imports {library}, which is kept in {' and '.join(sorted(KEPT_IN[library]))}"


def circle(graph: Graph) -> list[str]:
    """Modules that import each other in a circle; empty where there is none."""
    own = {module: (targets & graph.keys()) - {module} for module, targets in graph.items()}
    try:
        TopologicalSorter(own).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_go_down_only() -> None:
    """No module imports one that lies as high or higher, and every module has its place."""
    graph = imports(ROOT)
    assert graph.keys() >= {"whisperer_kernel.errors", "jupyter_ext"}
    assert list(upward(graph)) == []


def test_libraries_stay_in_their_homes() -> None:
    """Network, notebook and server libraries are imported in one place each."""
    assert list(misplaced(imports(ROOT))) == []


def test_no_modules_import_each_other() -> None:
    """The modules can be put in an order."""
    assert circle(imports(ROOT)) == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with the product's packages in it, all empty."""
    for unit in set.union(*LAYERS):
        folder = tmp_path.joinpath(*unit.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
        (folder / "module.py").touch()
    return tmp_path


def test_clean_tree_has_nothing_to_say(checkout: Path) -> None:
    """Empty modules break no rule."""
    graph = imports(checkout)
    assert (list(upward(graph)), list(misplaced(graph)), circle(graph)) == ([], [], [])


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("whisperer_kernel/tools/module.py", "from whisperer_kernel.sessions import module"),
        ("whisperer_kernel/tools/module.py", "from ..sessions.module import anything"),
        ("whisperer_kernel/plans/module.py", "import whisperer_kernel.verify.module"),
        ("whisperer_kernel/verify/module.py", "def late():\n    from whisperer_kernel.plans import module"),
        ("whisperer_kernel/rpc/module.py", "if TYPE_CHECKING:\n    from jupyter_ext import module"),
        ("whisperer_kernel/ai/module.py", "import whisperer_kernel"),
    ],
)
def test_import_upward_is_seen(checkout: Path, module: str, line: str) -> None:
    """The rule holds for relative, late and type-only imports as well."""
    (checkout / module).write_text(line, encoding="utf-8")
    (sentence,) = upward(imports(checkout))
    assert sentence.startswith(module.removesuffix(".py").replace("/", "."))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("whisperer_kernel/agents/module.py", "import httpx"),
        ("whisperer_kernel/sessions/module.py", "from tornado.ioloop import IOLoop"),
        ("whisperer_kernel/notebook/module.py", "from jupyter_server.base.handlers import JupyterHandler"),
        ("jupyter_ext/module.py", "import IPython.display"),
    ],
)
def test_library_out_of_its_home_is_seen(checkout: Path, module: str, line: str) -> None:
    """A library may not spread."""
    (checkout / module).write_text(line, encoding="utf-8")
    assert len(list(misplaced(imports(checkout)))) == 1


def test_circle_is_seen(checkout: Path) -> None:
    """Two modules of one package that import each other are found."""
    ai = checkout / "whisperer_kernel" / "ai"
    (ai / "module.py").write_text("from . import other", encoding="utf-8")
    (ai / "other.py").write_text("from whisperer_kernel.ai.module import anything", encoding="utf-8")
    assert set(circle(imports(checkout))) == {"whisperer_kernel.ai.module", "whisperer_kernel.ai.other"}


def test_module_without_a_place_is_seen(checkout: Path) -> None:
    """A new top-level module has to be given a layer."""
    (checkout / "whisperer_kernel" / "stray.py").write_text("from whisperer_kernel import errors", encoding="utf-8")
    assert list(upward(imports(checkout))) == ["whisperer_kernel.stray: whisperer_kernel.stray has no place in LAYERS"]
