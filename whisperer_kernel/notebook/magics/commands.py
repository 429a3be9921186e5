"""The subcommands of ``%whisper``: what each takes, what it does, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from IPython.core.error import UsageError

from whisperer_kernel.notebook.asker import Asker
from whisperer_kernel.notebook.caller import Operation, T
from whisperer_kernel.notebook.magics import export_file, session_lines
from whisperer_kernel.notebook.magics.ask_line import nearest, taken
from whisperer_kernel.notebook.magics.desk import Desk
from whisperer_kernel.notebook.magics.history_output import show_history
from whisperer_kernel.notebook.magics.last_error import LastError
from whisperer_kernel.notebook.magics.session_lines import MODES
from whisperer_kernel.notebook.question import for_tests

SHOWN_MESSAGES = 20
FIXER = "alice"


class Command(NamedTuple):
    """A subcommand: ``usage`` is what follows its name; ``run`` takes what was given there and gives what it says."""

    usage: str
    run: Callable[[WhisperCommands, str], str]

    @property
    def does(self) -> str:
        """What it does, in a line."""
        return (self.run.__doc__ or "").strip()


class WhisperCommands:
    """Carries subcommands out. Each raises ``UsageError`` and ``WhispererError``."""

    def __init__(self, desk: Desk, last_error: LastError) -> None:
        self._desk = desk
        self._last_error = last_error

    def run(self, line: str) -> str:
        """Do what the line says; what it says, empty where an output shows it."""
        name, _, argument = line.strip().partition(" ")
        command = COMMANDS.get(name or "help")
        if command is None:
            raise UsageError(
                f"There is no %whisper {name}{nearest(name, COMMANDS)}. %whisper help lists what there is."
            )
        if argument.strip() and not command.usage:
            raise UsageError(f"%whisper {name} takes nothing after it.")
        return command.run(self, argument.strip())

    # --- the subcommands --------------------------------------------------------------------------------------------

    def agents(self, _argument: str) -> str:
        """List the agents; the one who answers is marked."""
        return "\n".join(self._asked(session_lines.agents))

    def switch(self, argument: str) -> str:
        """Make another agent the one who answers in this notebook."""
        return self._dispatched(f"/agent {self._agent(_needed(argument, 'switch'))}")

    def status(self, _argument: str) -> str:
        """Say where the session runs, who answers, and what agents may do."""
        lines = self._asked(session_lines.status)
        return "\n".join([f"Whisperer: {self._desk.caller.where}", *lines])

    def model(self, argument: str) -> str:
        """Say which model answers and which there are, or ask the one named from now on."""
        if argument:
            return f"From now on: {self._asked(lambda client: client.set_model(argument))}"
        return "\n".join([self._dispatched("/model"), *self._asked(session_lines.models)])

    def provider(self, argument: str) -> str:
        """Say who could serve the model and what each still needs, or have the one named do it. Keys: in the chat."""
        if argument:
            name, _, model = argument.partition(" ")
            return self._asked(lambda client: session_lines.select(client, name, model.strip()))
        return "\n".join(self._asked(session_lines.providers))

    def mode(self, argument: str) -> str:
        """Say what agents may do, or set it: plan, ask, edit or auto."""
        if argument and argument not in MODES:
            raise UsageError(f"There is no mode {argument}{nearest(argument, MODES)}. There are {', '.join(MODES)}.")
        mode = self._asked(lambda client: session_lines.mode(client, argument))
        return f"{mode}: {MODES[mode]}."

    def history(self, argument: str) -> str:
        """Show the conversation, or an agent's part of it: the last 20 messages, or so many."""
        words = argument.split()
        count = int(words.pop()) if words and words[-1].isdecimal() else SHOWN_MESSAGES
        agent = self._agent(" ".join(words)) if words else None
        show_history(self._asked(lambda client: client.history(agent)), count)
        return ""

    def clear(self, argument: str) -> str:
        """Forget the conversation, or an agent's part of it."""
        return self._dispatched(f"/clear {self._agent(argument)}" if argument else "/clear")

    def export(self, argument: str) -> str:
        """Write the conversation into a file, or show it, as markdown, ipynb or json."""
        form, file = export_file.form_and_file(argument)
        content = self._asked(lambda client: export_file.exported(client, form))
        return content if file is None else export_file.write(content, file)

    def stop(self, _argument: str) -> str:
        """End the running turn."""
        return self._dispatched("/stop")

    def fix(self, argument: str) -> str:
        """Give the last error to Alice: she explains it and shows the corrected cell."""
        options, agent = taken(argument, f"%whisper fix {COMMANDS['fix'].usage}")
        self._desk.ask(self._last_error.question(), agent or FIXER, options)
        return ""

    def tests(self, argument: str) -> str:
        """Have Tessa make tests of a function and run them; those that pass become a cell. No model is asked."""
        question = for_tests(_needed(argument, "tests"), Asker())
        made = self._desk.caller.wait(lambda client: client.tests(question), question.asker.errands)
        if made.report.cell and not made.report.inserted:
            self._desk.offer(made.report.cell)
        return str(made)

    def insert(self, _argument: str) -> str:
        """Put the code of the last answer into a cell below."""
        self._desk.insert()
        return ""

    def help(self, _argument: str) -> str:
        """List these commands."""
        lines = {f"%whisper {name} {command.usage}".strip(): command.does for name, command in COMMANDS.items()}
        width = max(map(len, lines))
        ask = "Ask with %%alice, %%patricia, %%tessa or %%ask AGENT; %%alice? says how."
        return "\n".join([*(f"{line:{width}}  {does}" for line, does in lines.items()), "", ask])

    # --- inside -----------------------------------------------------------------------------------------------------

    def _asked(self, operation: Operation[T]) -> T:
        return self._desk.caller.wait(operation)

    def _agent(self, name: str) -> str:
        return self._asked(lambda client: client.cast.id_of(name))

    def _dispatched(self, command: str) -> str:
        """What a slash command says."""
        return str(self._asked(lambda client: client.session.call("dispatchCommand", {"command": command}))["output"])


def _needed(argument: str, name: str) -> str:
    if not argument:
        raise UsageError(f"Usage: %whisper {name} {COMMANDS[name].usage}")
    return argument


COMMANDS: dict[str, Command] = {
    "agents": Command("", WhisperCommands.agents),
    "switch": Command("AGENT", WhisperCommands.switch),
    "status": Command("", WhisperCommands.status),
    "model": Command("[MODEL]", WhisperCommands.model),
    "provider": Command("[PROVIDER [MODEL]]", WhisperCommands.provider),
    "mode": Command(f"[{'|'.join(MODES)}]", WhisperCommands.mode),
    "history": Command("[AGENT] [NUMBER]", WhisperCommands.history),
    "clear": Command("[AGENT]", WhisperCommands.clear),
    "export": Command(export_file.USAGE, WhisperCommands.export),
    "stop": Command("", WhisperCommands.stop),
    "fix": Command("[--again] [--insert] [AGENT]", WhisperCommands.fix),
    "tests": Command("FUNCTION", WhisperCommands.tests),
    "insert": Command("", WhisperCommands.insert),
    "help": Command("", WhisperCommands.help),
}
