"""The chat widget: Alice, Patricia and Tessa in an output cell."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from ipykernel.connect import get_connection_file

from whisperer_kernel.errors import ConfigError, InvalidParams
from whisperer_kernel.notebook.cell import is_beside
from whisperer_kernel.notebook.comm_carrier import CommCarrier, heard_as_sent
from whisperer_kernel.notebook.load import take_part
from whisperer_kernel.notebook.plugin_comm import call_plugin
from whisperer_kernel.notebook.transcript import TranscriptOutput, transcript_markdown

_STATIC = Path(__file__).parent / "static"
_AGENT_ID = re.compile(r"[A-Za-z][\w-]*")
_CSS_LENGTH = re.compile(r"\d+(\.\d+)?(px|em|rem|vh|%)")
_MIN_HEIGHT_PX = 200
# By which the Lab plugin knows the output again when the widget is gone: `jupyter_ext/ui/src/lab/savedChat.ts`.
_SAVED_CHAT = "application/vnd.whisperer.chat+json"


class Chat(anywidget.AnyWidget):
    """A conversation with the agents, beside the code it is about.

    The browser holds the conversation with the server itself, so it goes on while a cell runs; where it reaches none,
    the conversation goes by way of this kernel. This object mirrors it: it can be read and observed like any widget.

    Args:
        agent: id of the agent to begin with, ``"tessa"`` for instance; left out, the session decides.
        transcript: whether the conversation also stands in the notebook, as markdown under the widget; left out, as
            JupyterLab's settings say, and elsewhere yes.
        height: largest height, a number of pixels or a CSS length like ``"60vh"``; left out, 560 pixels.
        new: begin a session of its own instead of going on with the notebook's.

    Raises:
        InvalidParams: an argument is not what it should be.
        ConfigError: the front end was not built (in a checkout: ``make build``).

    >>> chat = Chat()                                   # doctest: +SKIP
    >>> chat.agent = "tessa"                            # doctest: +SKIP
    >>> chat.observe(lambda change: print(change.new), "last_reply")  # doctest: +SKIP
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    agent = traitlets.Unicode(help="The current agent's id; set it to switch.").tag(sync=True)
    status = traitlets.Unicode(
        "not shown",
        help="not shown, connecting, ready, running, reconnecting or failed, as the browser sees it.",
    ).tag(sync=True)
    history = traitlets.List(
        traitlets.Dict(),
        help="Finished messages, oldest first: messageId, role, agent, content, ts, finishReason, error.",
    ).tag(sync=True)
    last_reply = traitlets.Unicode(help="What an agent said last.").tag(sync=True)
    height = traitlets.Unicode(help="Largest height, a CSS length; empty: the default.").tag(sync=True)

    _kernel_id = traitlets.Unicode().tag(sync=True)
    _notebook = traitlets.Unicode().tag(sync=True)
    _new = traitlets.Bool().tag(sync=True)
    # What JupyterLab's settings say about the transcript; the browser knows them.
    _saves = traitlets.Bool(default_value=True).tag(sync=True)
    # Kept by the browser for a session that is not the notebook's, so that it is found again after a reload.
    _session_id = traitlets.Unicode().tag(sync=True)
    # What Python asked for and the browser has not done yet. `agent` itself is written from both sides.
    _asked_agent = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        agent: str | None = None,
        *,
        transcript: bool | None = None,
        height: int | str | None = None,
        new: bool = False,
    ) -> None:
        self._hears_browser = False
        self._follows_settings = transcript is None
        keeps = transcript is None or _flag("transcript", transcript)
        self._transcript = TranscriptOutput() if keeps else None
        super().__init__(
            _esm=_built("widget.js"),
            _css=_built("widget.css"),
            height=_css_height(height),
            _kernel_id=_kernel_id(),
            _notebook=_notebook(),
            _new=_flag("new", new),
            **({} if agent is None else {"agent": agent, "_asked_agent": agent}),
        )
        # In a container nobody tells us where we are shown: then it is most likely the cell that made us.
        self._stand_here()
        take_part()
        self._carrier = CommCarrier(self.send)
        self.on_msg(self._carry)
        heard_as_sent(self.comm)

    def clear_transcript(self) -> None:
        """Empty the output under the widget. It fills again when the next turn ends; the session keeps everything."""
        if self._transcript is not None:
            self._transcript.show("")

    def close(self) -> None:
        """Take the chat away; the session stays."""
        self._carrier.close()
        super().close()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the browser changed. It is not sent back there as a wish."""
        self._hears_browser = True
        try:
            super().set_state(sync_data)
        finally:
            self._hears_browser = False

    def __repr__(self) -> str:
        return f"<Chat with {self.agent or 'Whisperer'}: {self.status}, {len(self.history)} messages>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        self._stand_here()
        bundle: tuple[dict[str, Any], dict[str, Any]] | None = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, _SAVED_CHAT: {"own": self._new}}, metadata

    def _carry(self, _widget: object, content: object, _buffers: object) -> None:
        # Where the chat has to come by way of the kernel, so has whoever owns the cells.
        call_plugin()
        self._carrier.received(content, on_subshell=is_beside())

    def _stand_here(self) -> None:
        if self._transcript is not None:
            self._transcript.stand_here()

    @traitlets.validate("agent")
    def _valid_agent(self, proposal: dict[str, Any]) -> str:
        agent = proposal["value"]
        if agent and not _AGENT_ID.fullmatch(agent):
            raise InvalidParams(f"agent must be an agent's id like 'alice', not {agent!r}")
        return str(agent)

    @traitlets.observe("agent")
    def _ask_for_agent(self, change: dict[str, Any]) -> None:
        if not self._hears_browser:
            self._asked_agent = change["new"]

    @traitlets.observe("history")
    def _renew_transcript(self, change: dict[str, Any]) -> None:
        if self._transcript is not None and (self._saves or not self._follows_settings):
            self._transcript.show(transcript_markdown(change["new"]))


@cache
def _built(name: str) -> str:
    try:
        return (_STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"The front end is not built: {_STATIC / name} is missing. Run `make build`.") from None


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidParams(f"{name} must be True or False, not {value!r}")
    return value


def _css_height(height: object) -> str:
    if height is None:
        return ""
    if isinstance(height, int) and not isinstance(height, bool) and height >= _MIN_HEIGHT_PX:
        return f"{height}px"
    if isinstance(height, str) and _CSS_LENGTH.fullmatch(height):
        return height
    raise InvalidParams(
        f"height must be a number of pixels from {_MIN_HEIGHT_PX} or a CSS length like '60vh', not {height!r}",
    )


def _kernel_id() -> str:
    """The id by which Jupyter Server knows this kernel: it stands in the name of the connection file."""
    try:
        name = Path(get_connection_file()).stem
    except RuntimeError:  # no kernel: a terminal, a plain script
        return ""
    return name.removeprefix("kernel-") if name.startswith("kernel-") else ""


def _notebook() -> str:
    """The notebook's path as Jupyter Server tells its kernels; consoles have a name there that is no path."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    return name if name.endswith(".ipynb") else ""
