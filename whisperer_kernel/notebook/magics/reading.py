"""How IPython is to read lines that begin with a magic that asks: the sign is needed, and a question mark is one."""

from __future__ import annotations

from typing import Any

from IPython.core.inputtransformer2 import EscapedCommand
from IPython.core.prefilter import PrefilterChecker

from whisperer_kernel.notebook.magics.agents import AGENT_MAGICS, ASK

_NAMES = frozenset({*AGENT_MAGICS, ASK})
# IPython's automagic is 700; the first checker that has an answer is heard.
_BEFORE_AUTOMAGIC = 650


class QuestionLine(EscapedCommand):
    """``%alice What is x?`` is a question: elsewhere IPython takes the mark at its end for a wish for help on ``x``."""

    priority = 1

    @classmethod
    def find(cls, tokens_by_line: list[list[Any]]) -> QuestionLine | None:
        """The first line that begins with one of our magics and goes on after a space."""
        for line in tokens_by_line:
            shown = [token for token in line if token.string.strip()]
            if len(shown) > 2 and _begins_question(*shown[:3]):  # noqa: PLR2004 - the sign, the name, what follows
                return cls(shown[0].start)
        return None


class NoAutomagic(PrefilterChecker):
    """``alice what is x`` is no magic: what is sent to somebody begins with a sign."""

    def __init__(self, shell: Any) -> None:
        prefilter = shell.prefilter_manager
        super().__init__(shell=shell, prefilter_manager=prefilter, priority=_BEFORE_AUTOMAGIC)  # type: ignore[no-untyped-call]
        self._is_no_magic = prefilter.get_handler_by_name("normal")

    def check(self, line_info: Any) -> Any:
        """IPython's handler for what is no magic, where the line begins with one of our names; else no answer."""
        return self._is_no_magic if line_info.ifun in _NAMES else None


def _begins_question(sign: Any, name: Any, following: Any) -> bool:
    return sign.string == "%" and name.string in _NAMES and sign.end == name.start and following.start > name.end
