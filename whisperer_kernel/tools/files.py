"""Tools that read files of the workspace. What lies outside it, and what is hidden, is not there."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec

from whisperer_kernel.tools.tool import ToolContext, ToolFailed, tool

MAX_FILE_BYTES = 10_000_000
MAX_ENTRIES = 500
PAGE_CHARS = 16_000

RelativePath = Annotated[
    str, msgspec.Meta(min_length=1, max_length=1_000, description="A path relative to the workspace; `.` is its top.")
]


@tool(effect="read", tags={"files"})
async def list_files(context: ToolContext, path: RelativePath = ".") -> str:
    """List a folder of the workspace: names, sizes in bytes; a slash marks folders."""
    return await asyncio.to_thread(_listed, _inside(context, path))


@tool(effect="read", tags={"files"})
async def read_file(context: ToolContext, path: RelativePath, offset: Annotated[int, msgspec.Meta(ge=0)] = 0) -> str:
    """Read a text file of the workspace, a page at a time from character `offset`."""
    return await asyncio.to_thread(_page, _inside(context, path), offset)


def _inside(context: ToolContext, path: str) -> Path:
    """The path, if it lies in the workspace. Links that lead out, and hidden files, are as if they were not there."""
    if context.workspace is None:
        raise ToolFailed("There is no workspace to read files from.")
    root = context.workspace.resolve()
    try:
        found = (root / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ToolFailed(f"There is no file {path} in the workspace.") from error
    hidden = any(part.startswith(".") for part in Path(path).parts if part not in {".", ""})
    if hidden or not found.is_relative_to(root) or any(part.startswith(".") for part in found.relative_to(root).parts):
        raise ToolFailed(f"There is no file {path} in the workspace.")
    return found


def _listed(folder: Path) -> str:
    if not folder.is_dir():
        raise ToolFailed(f"{folder.name} is not a folder.")
    visible = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    entries = list(islice(visible, MAX_ENTRIES + 1))
    lines = [
        f"{entry.name}/" if entry.is_dir() else f"{entry.name}  {entry.lstat().st_size:,}"
        for entry in sorted(entries[:MAX_ENTRIES])
    ]
    more = [f"[more than {MAX_ENTRIES} entries]"] if len(entries) > MAX_ENTRIES else []
    return "\n".join([*lines, *more]) or "[empty]"


def _page(file: Path, offset: int) -> str:
    if not file.is_file():
        raise ToolFailed(f"{file.name} is not a file.")
    if file.stat().st_size > MAX_FILE_BYTES:
        raise ToolFailed(f"{file.name} is larger than {MAX_FILE_BYTES:,} bytes.")
    data = file.read_bytes()
    if b"\0" in data:
        raise ToolFailed(f"{file.name} is not a text file.")
    text = data.decode("utf-8", "replace")
    page = text[offset : offset + PAGE_CHARS]
    rest = len(text) - offset - len(page)
    return page + (f"\n[{rest:,} more characters, from offset {offset + len(page)}]" if rest > 0 else "")


TOOLS = (list_files, read_file)
