"""Tool calls: permitted by the person, carried out by clients."""

from __future__ import annotations

import msgspec

from whisperer_kernel.rpc import params as p
from whisperer_kernel.rpc.client_tools import client_tools
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import OK, TOO_LATE, Methods, method
from whisperer_kernel.sessions.permissions import Answer
from whisperer_kernel.tools.call import ToolResult


@method("provideToolResult")
async def provide_tool_result(methods: Methods, call: Call, params: p.ProvideToolResult) -> p.Status:
    """A client's result of a tool call it was asked for. The first one counts."""
    session = await methods.held(call, params.session_id)
    content = params.result if isinstance(params.result, str) else msgspec.json.encode(params.result).decode()
    taken = session.hands.provide(params.tool_call_id, ToolResult(content=content, is_error=params.is_error))
    return p.Status(status=OK if taken else TOO_LATE)


@method("tool.permit")
async def permit(methods: Methods, call: Call, params: p.Permit) -> p.Status:
    """The person's answer to a permission request. The first one counts."""
    session = await methods.held(call, params.session_id)
    taken = session.hands.permit(params.request_id, Answer(params.decision, params.reason), call.connection)
    return p.Status(status=OK if taken else TOO_LATE)


@method("kernel.attach")
async def attach_kernel(methods: Methods, call: Call, params: p.AttachKernel) -> p.KernelAttached:
    """Carry tools out in every session of a kernel, those that are there and those to come. It starts none."""
    connection = call.connection
    known, client_id = methods.services.tools, connection.client_id
    stand_ins = await client_tools(known, params.stand_ins, client_id)
    tools = [
        *await client_tools(known, params.client_tools, client_id),
        *(msgspec.structs.replace(tool, stand_in=True) for tool in stand_ins),
    ]
    connection.kernel_id, connection.kernel_tools = params.kernel_id, tools
    connection.front_end = params.front_end
    sessions = methods.manager.kernel_came(connection)
    calls = [
        {"sessionId": session.id, **msgspec.to_builtins(waiting)}
        for session in sessions
        for waiting in session.hands.pending(connection, params.tool_calls)[1]
    ]
    return p.KernelAttached(client_id=connection.client_id, tool_calls=calls)
