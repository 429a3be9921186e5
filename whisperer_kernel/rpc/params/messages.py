"""Messages, and what they carry."""

from __future__ import annotations

from typing import Annotated

import msgspec

from whisperer_kernel.rpc.params.base import Text, Wire


class CellItem(Wire, tag_field="type", tag="cell"):
    """A cell of the notebook."""

    cell_id: Text


class VariableItem(Wire, tag_field="type", tag="variable"):
    """A variable in the kernel."""

    name: Text


class FileItem(Wire, tag_field="type", tag="file"):
    """A file in the workspace."""

    path: Text


class SelectionItem(Wire, tag_field="type", tag="selection"):
    """A selected part of a cell."""

    cell_id: Text
    text: str


class TextItem(Wire, tag_field="type", tag="text"):
    """Any text."""

    text: str


ContextItem = CellItem | VariableItem | FileItem | SelectionItem | TextItem

# More than anybody attaches to one message; how many of them are looked up is the session's business.
ContextItems = Annotated[list[ContextItem], msgspec.Meta(max_length=200)]


class SendUserMessage(Wire):
    """``clientMessageId``: sent again, the message is taken once. ``canBeAsked``: its sender answers what is asked.

    ``cellId``: the cell whose code sends it. ``frontEnd``: the notebook in a page that it is sent in, by the id that
    the page's connection to the kernel has (``session`` in the headers of Jupyter's messages).
    """

    session_id: Text
    message: str
    context: ContextItems = msgspec.field(default_factory=list)
    client_message_id: Text | None = None
    can_be_asked: bool = False
    cell_id: Text | None = None
    front_end: Text | None = None


class Sent(Wire, omit_defaults=False):
    """The turn's events carry ``messageId``; ``queued`` messages come before it."""

    message_id: str
    status: int
    queued: int


class Cancel(Wire):
    """``messageId`` left out: the running turn."""

    session_id: Text
    message_id: Text | None = None


class Cancelled(Wire, omit_defaults=False):
    """False: there was nothing to cancel (any more)."""

    cancelled: bool


class DispatchCommand(Wire):
    """A slash command, ``/help`` for instance."""

    session_id: Text
    command: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class CommandOutput(Wire, omit_defaults=False):
    """What the command says."""

    output: str


class Echo(Wire):
    """Any text."""

    message: str
