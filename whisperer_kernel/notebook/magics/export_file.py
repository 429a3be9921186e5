"""The conversation as text in one of the formats that the server writes, into a file or shown."""

from __future__ import annotations

from pathlib import Path

from IPython.core.error import UsageError

from whisperer_kernel import resources
from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.peer import NoSuchMethod
from whisperer_kernel.notebook.session_client import SessionClient

FORMATS = {"markdown": ".md", "ipynb": ".ipynb", "json": ".json"}
USAGE = f"[{'|'.join(FORMATS)}] [FILE]"


async def exported(client: SessionClient, form: str) -> str:
    """The conversation. Raises ``WhispererError``."""
    try:
        return str((await client.session.call("session.export", {"format": form}))["content"])
    except NoSuchMethod:
        raise WhispererError("This server cannot export yet: it runs an older Whisperer.") from None


def form_and_file(argument: str) -> tuple[str, Path | None]:
    """The format and the file, if one is named; its ending says the format where none is. Raises ``UsageError``."""
    first, _, rest = argument.partition(" ")
    if first in FORMATS:
        return first, _free(rest.strip()) if rest.strip() else None
    if not argument:
        return "markdown", None
    form = next((form for form, ending in FORMATS.items() if argument.endswith(ending)), None)
    if form is None:
        raise UsageError(f"Export as what? %whisper export {USAGE}")
    return form, _free(argument)


def write(content: str, file: Path) -> str:
    """Write a new file; what was done, in words. Raises ``UsageError``."""
    try:
        with file.open("x", encoding="utf-8") as writing:
            writing.write(content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from None
    return f"The conversation is in {file}."


def _free(name: str) -> Path:
    file = resources.expanded(name)
    try:
        is_there = file.exists()
    except OSError as error:
        raise UsageError(f"{name[:200]} cannot be written: {error.strerror}.") from None
    if is_there:
        raise UsageError(f"{file} is there already, and is left as it is; name another file.")
    return file
