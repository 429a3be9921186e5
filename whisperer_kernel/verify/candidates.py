"""A reply's test code, split by top-level definition: one that does not parse must not sink the good ones beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

import msgspec

# A line that begins a statement of its own at the top level.
_STATEMENT = re.compile(r"[A-Za-z_@(\[{\"'#]")
_NAMED_TEST = re.compile(r"^(?:async\s+)?(?:def\s+(test\w*)|class\s+(Test\w*))", re.MULTILINE)
_FENCE = re.compile(r"^```[\w+-]*\s*$", re.MULTILINE)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A test that nobody has run yet; ``problem`` says why it cannot be run."""

    name: str
    source: str
    problem: str | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """``support`` is what the tests use: imports, fixtures, helpers, constants. ``problems`` are parts left out."""

    support: str
    candidates: tuple[Candidate, ...]
    problems: tuple[str, ...] = ()


def split(code: str) -> Split:
    r"""The tests in ``code``, each by itself, and what they share.

    >>> split("import math\ndef test_a():\n    assert math.pi > 3\ndef test_b(:\n    pass").candidates[1].problem
    'does not parse: invalid syntax'
    """
    support: list[str] = []
    candidates: list[Candidate] = []
    problems: list[str] = []
    for piece in _pieces(_plain(code)):
        error = _syntax_error(piece)
        name = _test_name(piece)
        if name is not None:
            candidates.append(Candidate(name=name, source=piece, problem=error and f"does not parse: {error}"))
        elif error is None:
            support.append(piece)
        else:
            problems.append(f"left out, does not parse ({error}): {piece.splitlines()[0][:80]}")
    return Split(
        support="\n".join(part.strip("\n") for part in support if part.strip()),
        candidates=tuple(_distinct(candidates)),
        problems=tuple(problems),
    )


def uses(candidate: Candidate, support: str, target: str) -> bool:
    """Whether the test mentions the target, itself or through what of the support it uses."""
    helpers = {
        node.name: _names(node)
        for node in ast.parse(support).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    reached, fresh = set[str](), _names(ast.parse(candidate.source))
    while fresh:
        reached |= fresh
        fresh = {name for helper in reached & helpers.keys() for name in helpers[helper]} - reached
    return bool(reached & {target, target.split(".", maxsplit=1)[0], target.rsplit(".", 1)[-1]})


def _names(tree: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # Fixtures are asked for by the names of parameters.
    return names | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _plain(code: str) -> str:
    """Without what models like to put around code: fences, and the magic's own line."""
    lines = _FENCE.sub("", code.replace("\r\n", "\n")).split("\n")
    return "\n".join(line for line in lines if not line.startswith("%"))


def _pieces(code: str) -> Iterator[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        yield from _pieces_by_line(code)
        return
    lines = code.split("\n")
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        yield "\n".join(lines[first - 1 : node.end_lineno])


def _pieces_by_line(code: str) -> Iterator[str]:
    """Cut where a line begins at the margin, decorators with what they decorate; then joined again where that helps."""
    piece: list[str] = []
    for line in code.split("\n"):
        begins = bool(line) and _STATEMENT.match(line) and not line.startswith(("else", "elif", "except", "finally"))
        if begins and piece and not piece[-1].startswith("@"):
            yield "\n".join(piece).strip("\n")
            piece = []
        piece.append(line)
    if "".join(piece).strip():
        yield "\n".join(piece).strip("\n")


def _syntax_error(source: str) -> str | None:
    try:
        compile(source, "<candidate>", "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error.msg if isinstance(error, SyntaxError) else str(error)
    return None


def _test_name(piece: str) -> str | None:
    found = _NAMED_TEST.search(piece)
    return None if found is None else found.group(1) or found.group(2)


def _distinct(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Two of one name would hide each other: the later ones are numbered."""
    taken: dict[str, int] = {}
    for candidate in candidates:
        count = taken[candidate.name] = taken.get(candidate.name, 0) + 1
        if count == 1:
            yield candidate
            continue
        name = f"{candidate.name}_{count}"
        source = re.sub(rf"\b{candidate.name}\b", name, candidate.source, count=1)
        yield msgspec.structs.replace(candidate, name=name, source=source)
