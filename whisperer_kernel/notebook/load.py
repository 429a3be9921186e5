"""What makes a kernel take part: its own client on a thread, and the magics. Once for each kernel."""

from __future__ import annotations

import os
from typing import Any

from whisperer_kernel.errors import WhispererError
from whisperer_kernel.notebook.background import background, close_background
from whisperer_kernel.notebook.caller import serve_kernel
from whisperer_kernel.notebook.cell import ipython, running_cell
from whisperer_kernel.notebook.made_tests import MadeTests
from whisperer_kernel.notebook.plugin_comm import call_plugin, leave_plugin

_served: set[int] = set()


def take_part() -> None:
    """Start the kernel's client and register the magics; a process that is no kernel, or does already, is left alone.

    Quick, and silent: where there is no server, what runs in process later is served then.
    """
    shell = ipython()
    if getattr(shell, "kernel", None) is None or os.getpid() in _served:
        return
    _served.add(os.getpid())
    register_magics(shell)
    _serve(shell)


def leave() -> None:
    """End the kernel's client, and with it every connection of this process; what is asked later connects anew."""
    if os.getpid() in _served:
        _served.discard(os.getpid())
        leave_plugin()
        close_background()


def register_magics(shell: Any) -> None:
    """All of them, with their tab completion, unless it was done before."""
    from whisperer_kernel.notebook.magics.extension import register  # noqa: PLC0415 - loads IPython

    register(shell)


def unregister_magics(shell: Any) -> None:
    """Take them away again."""
    from whisperer_kernel.notebook.magics.extension import unregister  # noqa: PLC0415 - loads IPython

    unregister(shell)


def offer_below(made: MadeTests) -> None:
    """A cell that could not be put into the notebook by a browser is offered below the one that runs."""
    cell = running_cell()
    if cell is not None and made.report.cell and not made.report.inserted:
        cell.offer(made.report.cell)


def _serve(shell: Any) -> None:
    from whisperer_kernel.notebook.kernel_tools import KernelTools  # noqa: PLC0415 - only where there is a kernel

    on = background()

    async def serve() -> None:
        if not await serve_kernel(on, KernelTools(shell)):
            call_plugin()

    serving = on.submit(serve())
    # Asked for, so that nothing complains; who talks to the agents is told what is wrong.
    serving.add_done_callback(lambda done: done.cancelled() or isinstance(done.exception(), WhispererError))
