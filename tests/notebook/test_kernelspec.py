"""The kernel "Python 3 (Whisperer)": everything is loaded, wherever it is started."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pexpect
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.fakes.provider import FakeProvider, Reply
from tests.notebook.conftest import OpenNotebook, asking
from tests.notebook.kernel import Kernel, plain_kernel
from tests.notebook.script import environment
from tests.server.process import Server

NAME = "whisperer"
PATIENCE_S = 60
CELLS = ["x = 3", "@alice What is {x}?\nAnd what is not?", "%%tessa --again\nReally?", "%whisper status"]
ASKED = ["What is 3?\nAnd what is not?", "Really?"]


def notebook_of(*cells: str) -> Any:
    """A notebook for this kernel."""
    made = [new_code_cell(source) for source in cells]  # type: ignore[no-untyped-call]
    book: Any = new_notebook(cells=made)  # type: ignore[no-untyped-call]
    book.metadata.kernelspec = {"name": NAME, "display_name": "Python 3 (Whisperer)", "language": "python"}
    return book


def asked(provider: FakeProvider) -> list[str]:
    """What the provider was asked, in order."""
    return [str(request.json["messages"][-1]["content"]) for request in provider.chats()]


@pytest.fixture
def kernels_environment(tmp_path: Path, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kernels that this process starts find everything in a folder of the test's own."""
    for name in set(os.environ) - set(environ := environment(tmp_path, asking(provider))):
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.usefixtures("kernels_environment")
def test_specification() -> None:
    """It has a name of its own, logos, and starts the Python of whoever starts it."""
    spec = KernelSpecManager().get_kernel_spec(NAME)
    assert (spec.display_name, spec.language) == ("Python 3 (Whisperer)", "python")
    assert spec.argv[:3] == ["python", "-m", "ipykernel_launcher"]
    assert {"logo-32x32.png", "logo-64x64.png", "logo-svg.svg"} <= {*os.listdir(spec.resource_dir)}  # noqa: PTH208


def test_under_nbclient(kernels_environment: Path, provider: FakeProvider) -> None:
    """A notebook that names it runs as a whole, without a line that loads anything."""
    book = notebook_of(*CELLS)
    NotebookClient(book, timeout=PATIENCE_S, resources={"metadata": {"path": str(kernels_environment)}}).execute()
    nbformat.validate(book)
    assert asked(provider) == ASKED
    answers = [cell.outputs[-1]["data"]["text/markdown"] for cell in book.cells[1:3]]
    assert [answer.partition("\n")[0] for answer in answers] == ["**Alice**", "**Tessa**"]
    assert book.cells[3].outputs[0]["text"].startswith("Whisperer: in process")


def test_under_nbclient_a_question_that_fails_stops_the_notebook(
    kernels_environment: Path, provider: FakeProvider
) -> None:
    """As any cell does that fails; the error that is saved is one line."""
    book = notebook_of("@bob What is x?", "print('never')")
    client = NotebookClient(book, timeout=PATIENCE_S, resources={"metadata": {"path": str(kernels_environment)}})
    with pytest.raises(Exception, match="There is no agent 'bob'"):
        client.execute()
    (output,) = [output for output in book.cells[0].outputs if output.output_type == "error"]
    assert output.traceback == ["NoSuchAgent: There is no agent 'bob'; there are alice, patricia, tessa."]
    assert book.cells[1].execution_count is None
    assert asked(provider) == []


# papermill 2.7 asks Python for the time in a way that is going out of use.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:papermill.*")
def test_under_papermill(kernels_environment: Path, provider: FakeProvider) -> None:
    """A parameter that is set from outside is filled into a question."""
    book = notebook_of("x = 0", "%%alice\nWhat is {x}?")
    book.cells[0].metadata.tags = ["parameters"]
    nbformat.write(book, kernels_environment / "in.ipynb")  # type: ignore[no-untyped-call]
    papermill.execute_notebook(
        str(kernels_environment / "in.ipynb"),
        str(kernels_environment / "out.ipynb"),
        parameters={"x": 41},
        cwd=str(kernels_environment),
        progress_bar=False,
    )
    out = json.loads((kernels_environment / "out.ipynb").read_text())
    assert asked(provider) == ["What is 41?"]
    assert "What is 41?" in "".join(out["cells"][-1]["outputs"][-1]["data"]["text/markdown"])


class Console:
    """``jupyter console`` in a terminal."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._child: pexpect.spawn[str] = pexpect.spawn(
            sys.executable,
            ["-m", "jupyter", "console", "--kernel", NAME, "--simple-prompt"],
            env={**environ, "TERM": "dumb", "IPYTHONDIR": str(folder / "ipython")},
            cwd=str(folder),
            timeout=PATIENCE_S,
            encoding="utf-8",
            dimensions=(50, 200),
        )
        self._prompt()

    def _prompt(self) -> str:
        self._child.expect(r"In \[\d+\]: ")
        return str(self._child.before)

    def type(self, *lines: str) -> str:
        """Type a cell; all that stands below it until the next prompt."""
        for line in lines:
            self._child.sendline(line)
        return self._prompt()

    def close(self) -> None:
        """Leave it."""
        self._child.sendline("exit")
        self._child.expect(pexpect.EOF)
        self._child.close()


def test_in_jupyter_console(tmp_path: Path, provider: FakeProvider) -> None:
    """A question is answered as text, a mistake is one line, code comes to the next prompt."""
    provider.script(Reply.answer("It is ", "three."), Reply.answer("```python\nx + 1\n```"))
    console = Console(tmp_path, environment(tmp_path, asking(provider)))
    try:
        console.type("x = 3")
        assert "Alice:\r\nIt is three." in console.type("@alice What is {x}?")
        assert "nothing was sent" in console.type("%alice What is {x}?")
        assert "InvalidParams: There is no variable y" in console.type("%tessa What is {y}?")
        assert "`%whisper insert`" not in console.type("%patricia And its successor?")
        assert "Whisperer: in process" in console.type("%whisper status")
        assert asked(provider) == ["What is 3?", "And its successor?"]
    finally:
        console.close()


@pytest.fixture
async def kernel(asking_server: Server, notebook: OpenNotebook, provider: FakeProvider) -> Kernel:  # noqa: ARG001
    """This kernel, started by a server."""
    return await notebook(asking_server, kernel_name=NAME)


async def test_under_a_server(asking_server: Server, kernel: Kernel, provider: FakeProvider) -> None:
    """It shares the notebook's session, and its own client is there before anything was asked."""
    assert await kernel.value("import whisperer_kernel.notebook.load as load\nprint(len(load._served))") == 1
    cell = await kernel.run("@tessa Is it {1}?", cell_id="a")
    assert cell.shown["text/markdown"].startswith("**Tessa**\n\n")
    assert (await kernel.run("%whisper status")).printed.startswith(f"Whisperer: attached to {asking_server.url}/")
    assert asked(provider) == ["Is it {1}?"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("@alice What is x?", "What is x?"),
        ("\n\n  @alice, What is it", "What is it"),
        ("@Alice: what's up?\n```\n>>> 1\n```", "what's up?\n```\n>>> 1\n```"),
        ("@tessa --again --insert Show `f(x)`?", "Show `f(x)`?"),
        ("@patricia @tessa knows?", "@tessa knows?"),
    ],
)
async def test_address_at_the_beginning_of_a_cell(
    kernel: Kernel, provider: FakeProvider, cell: str, message: str
) -> None:
    """What follows the name is the question, whatever it looks like."""
    provider.script(Reply.answer("```python\n1\n```"))
    ran = await kernel.run(cell, cell_id="a")
    assert (ran.error, asked(provider)) == ("", [message])
    assert (ran.next_input == "1") == ("--insert" in cell)


@pytest.mark.parametrize(
    "cell",
    [
        "def alice(f): return f\n@alice\ndef g(): ...",
        "def alice(f): return f\n@alice # a comment\ndef g(): ...",
        "from functools import cache\n@cache\ndef g(): ...",
        "import functools\n\n@functools.lru_cache(maxsize=3)\ndef g(): ...",
        "alice = tessa = lambda f: f\n",
        "s = '''\n@alice in a string\n'''",
        "@alice\ndef g(): ...",
        "@alice -tessa\ndef g(): ...",
    ],
)
async def test_python_stays_python(kernel: Kernel, provider: FakeProvider, cell: str) -> None:
    """Decorators and strings are none of ours."""
    await kernel.run("class A:\n    def __call__(self, f): return f\n    __sub__ = lambda a, b: a\nalice = tessa = A()")
    ran = await kernel.run(cell)
    assert (ran.error, ran.printed, asked(provider)) == ("", "", [])


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("What does x hold", "SyntaxError: "),
        ("alice what is x", "SyntaxError: "),
        ("ask tessa what is x", "SyntaxError: "),
        ("tessa", "NameError: "),
        ("@alice\nWhat is x", "SyntaxError: "),
        ("@bob What is x?", "NoSuchAgent: There is no agent 'bob'; there are alice, patricia, tessa."),
        ("@alice --fast What is x?", ""),
    ],
)
async def test_nothing_is_guessed(kernel: Kernel, provider: FakeProvider, cell: str, error: str) -> None:
    """Only an address with its question is sent to anybody."""
    ran = await kernel.run(cell)
    assert ran.error.startswith(error)
    assert ran.error or ran.printed.startswith("UsageError: There is no option --fast.")
    assert asked(provider) == []


async def test_everything_else_is_ipykernels(tmp_path: Path) -> None:
    """Completion, inspection, history and magics are as in any other kernel."""
    async with plain_kernel(tmp_path, environment(tmp_path), name=NAME) as (_, kernel):
        assert await kernel.complete("import nbfor") == ["nbformat"]
        assert "print" in await kernel.help("print")
        assert (await kernel.run("%%writefile a.txt\nx")).error == ""
        assert (tmp_path / "a.txt").read_text() == "x\n"
