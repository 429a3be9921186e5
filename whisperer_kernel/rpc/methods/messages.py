"""Messages to a session, and what can be said beside them."""

from __future__ import annotations

import msgspec

from whisperer_kernel.rpc import commands, params as p
from whisperer_kernel.rpc.dispatcher import Call
from whisperer_kernel.rpc.methods.declared import OK, Methods, method


@method("sendUserMessage")
async def send_user_message(methods: Methods, call: Call, params: p.SendUserMessage) -> p.Sent:
    """Send a message. The answer comes at once, the turn's events follow."""
    session = await methods.held(call, params.session_id)
    submitted = await session.prompt(
        params.message,
        sender=call.connection,
        context=msgspec.to_builtins(params.context) or None,
        client_message_id=params.client_message_id,
        can_be_asked=params.can_be_asked,
        cell_id=params.cell_id,
        front_end=params.front_end,
    )
    return p.Sent(message_id=submitted.message_id, status=OK, queued=submitted.queued)


@method("session.cancel")
async def cancel(methods: Methods, call: Call, params: p.Cancel) -> p.Cancelled:
    """End the running turn, or take back a queued message."""
    session = await methods.held(call, params.session_id)
    return p.Cancelled(cancelled=await session.cancel(params.message_id))


@method("dispatchCommand")
async def dispatch_command(methods: Methods, call: Call, params: p.DispatchCommand) -> p.CommandOutput:
    """Do what a slash command says."""
    session = await methods.held(call, params.session_id)
    return p.CommandOutput(output=await commands.run(session, methods.manager, params.command))


@method("echo")
async def echo(_methods: Methods, _call: Call, params: p.Echo) -> str:
    """The message itself."""
    return params.message
