"""Tools: declaring them, permitting a call, its result."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from whisperer_kernel.events import PermissionDecision
from whisperer_kernel.rpc.params.base import Text, Wire
from whisperer_kernel.tools.call import TOOL_NAME


class ToolAnnotations(Wire):
    """What a client says of its tool: that a call may be carried out again without harm. Nothing is permitted by it."""

    read_only_hint: bool = False
    idempotent_hint: bool = False


class ClientTool(Wire):
    """A tool that a client declares and carries out itself."""

    name: Annotated[str, msgspec.Meta(pattern=f"^{TOOL_NAME}$")]
    description: str
    input_schema: dict[str, Any]
    annotations: ToolAnnotations = msgspec.field(default_factory=ToolAnnotations)


class ProvideToolResult(Wire):
    """What a client's tool returned; ``result`` that is not text is taken as JSON."""

    session_id: Text
    tool_call_id: Text
    result: Any
    is_error: bool = False


class Permit(Wire):
    """The person's answer; ``reason`` is told to the model."""

    session_id: Text
    request_id: Text
    decision: PermissionDecision
    reason: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None


class AttachKernel(Wire):
    """A kernel, and what its own connection carries out there. ``toolCalls``: see ``ResumeSession``.

    ``standIns`` are tools that it carries out for messages of its own, and only where no other client does.
    ``frontEnd``: the notebook in a page whose cells it owns, as in ``SendUserMessage``: it goes first for what is asked
    there.
    """

    kernel_id: Text
    client_tools: list[str | ClientTool]
    stand_ins: list[str | ClientTool] = msgspec.field(default_factory=list)
    tool_calls: list[Text] | None = None
    front_end: Text | None = None


class KernelAttached(Wire, omit_defaults=False):
    """``toolCalls``: what this kernel is asked for already, as in ``pending``, each with its ``sessionId``."""

    client_id: str
    tool_calls: list[dict[str, Any]]
