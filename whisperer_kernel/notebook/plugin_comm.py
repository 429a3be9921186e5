"""The kernel's comm to the plugin of JupyterLab and Notebook 7, where the plugin reaches no Whisperer server.

The kernel opens it as soon as it is known that its sessions cannot be reached otherwise, and every page hears of it;
one that is loaded later asks the kernel which there are. Over it the plugin carries out what touches the cells, and
shows the chat beside the notebook. Where there is no plugin nobody answers, or the comm is closed.
"""

from __future__ import annotations

import os
from typing import Any

from comm import create_comm, get_comm_manager

from whisperer_kernel.notebook.background import background
from whisperer_kernel.notebook.cell import ipython, is_beside
from whisperer_kernel.notebook.comm_carrier import CommCarrier, heard_as_sent

# As in `jupyter_ext/ui/src/lab/kernelComm.ts`.
TARGET = "whisperer"

# By process: a forked child is no kernel.
_comms: dict[int, tuple[Any, CommCarrier]] = {}


def call_plugin() -> None:
    """Open the comm, unless that was done or this process is no kernel. From any thread."""
    if getattr(ipython(), "kernel", None) is not None and os.getpid() not in _comms:
        background().loop.call_soon_threadsafe(_open)


def leave_plugin() -> None:
    """Close it; the next call opens another."""
    if (opened := _comms.pop(os.getpid(), None)) is not None:
        comm, carrier = opened
        carrier.close()
        comm.close()


def _open() -> None:
    if os.getpid() in _comms:
        return
    # Heard of by the pages when whoever listens is there.
    comm = create_comm(target_name=TARGET, primary=False)
    carrier = CommCarrier(comm.send)
    _comms[os.getpid()] = comm, carrier
    heard_as_sent(comm)
    comm.on_msg(lambda message: carrier.received(message["content"]["data"], on_subshell=is_beside()))
    comm.on_close(lambda _: _stay(comm))
    comm.open()


def _stay(comm: Any) -> None:
    """A page without the plugin, with a console for instance, has closed it: for that page, and for no other."""
    get_comm_manager().register_comm(comm)
    comm._closed = False  # noqa: SLF001 - there is no public way
