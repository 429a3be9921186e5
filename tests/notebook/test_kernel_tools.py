"""The kernel answers for itself: its own client carries out what touches variables, and runs Tessa's tests."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from tests.notebook.conftest import Connect, OpenNotebook, Serve
from tests.notebook.kernel import Kernel
from tests.server.client import Answer, Client
from tests.server.process import Server

# A page may ask as soon as it is there; what is asked here waits until the kernel's client is connected.
LOAD = "%load_ext whisperer_kernel\n_ = __import__('whisperer_kernel').Whisperer().agents_sync(); del _\n"
LOOK_MS = 300.0
SLUGIFY = '''
import re
def slugify(text: str, sep: str = "-") -> str:
    """Lower case, words joined by `sep`."""
    if not isinstance(text, str):
        raise TypeError("text")
    return sep.join(re.findall(r"[a-z0-9]+", text.lower()))
'''
TESTS = """
def test_words():
    assert slugify("Hello World") == "hello-world"
def test_wrong():
    assert slugify("a b") == "a_b"
def test_cut(:
"""


def call(tool: str, **arguments: Any) -> list[dict[str, Any]]:
    """A reply that calls a tool."""
    return [{"tool": tool, "arguments": arguments}]


SAID = [{"text": "Done."}]


async def page_of(server: Server, kernel: Kernel, connect: Connect, **params: Any) -> Client:
    """The page beside the notebook, when the kernel's client is there as well."""
    page = await connect(server)
    await page.start(kernelId=kernel.id, **params)
    return page


async def result_of(page: Client, tool: str) -> Any:
    """The JSON that the kernel gave."""
    await page.until(lambda: page.seen("ToolCallNotification", toolName=tool, status="done") or ended(page))
    done = page.seen("ToolCallNotification", toolName=tool, status="done")
    assert done, [event["error"] for event in page.seen("ToolCallNotification", status="error")]
    return json.loads(done[-1]["result"])


def ended(page: Client) -> bool:
    """Whether a tool call has failed."""
    return any(event["status"] in {"error", "denied"} for event in page.seen("ToolCallNotification"))


async def answered(page: Client, message: str, decision: str = "allow_once", insert: bool = True) -> Answer:  # noqa: FBT001, FBT002
    """Ask, say yes or no to every question, carry out insertions; the turn's end."""
    message_id = await page.send(message)
    settled: set[str] = set()

    def over() -> bool:
        return bool(page.seen("AIMessageChunkNotification", messageId=message_id, isFinal=True))

    while not over():
        await page.until(lambda: over() or open_asks(page, settled))
        for ask in open_asks(page, settled):
            settled.add(ask.params.get("requestId") or ask["toolCallId"])
            if ask.method == "tool.permission_requested":
                await page.request(
                    "tool.permit", sessionId=page.session_id, requestId=ask["requestId"], decision=decision
                )
            elif insert:
                params = {"sessionId": page.session_id, "toolCallId": ask["toolCallId"], "result": "inserted"}
                await page.request("provideToolResult", **params)
    return await page.answer(message_id)


def open_asks(page: Client, settled: set[str]) -> list[Any]:
    """What the page is asked for and has not answered."""
    asks = [
        *page.seen("tool.permission_requested"),
        *page.seen("ToolCallNotification", status="running", clientId=page.started["clientId"]),
    ]
    return [ask for ask in asks if (ask.params.get("requestId") or ask["toolCallId"]) not in settled]


async def test_variables_are_read_while_a_cell_sleeps(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """In less than 300 ms, from the request to the result; nothing of it shows in the cell or the namespace."""
    server = serve([call("list_variables"), SAID])
    kernel = await notebook(server)
    await kernel.run(LOAD + "import json\nx = [1, 2, 3]\ndef f(a, b): return a\nbefore = None")
    page = await page_of(server, kernel, connect)
    sleeping = asyncio.create_task(
        kernel.run("import time; before = set(globals()); print('on', flush=True); time.sleep(3)")
    )
    await kernel.printed.wait()
    began = time.monotonic()
    await page.send("What is there?")
    told = await result_of(page, "list_variables")
    assert not sleeping.done()
    assert (time.monotonic() - began) * 1_000 < LOOK_MS
    by_name = {entry["name"]: entry for entry in told["variables"]}
    assert by_name["x"] == {"name": "x", "type": "list", "length": 3, "value": "[1, 2, 3]"}
    assert by_name["f"]["signature"] == "f(a, b)"
    assert told["modules"] == ["json", "time"]
    assert (await sleeping).printed == "on\n"
    names = "[name for name in set(globals()) - before if not name.startswith('_i')]"
    assert await kernel.value(f"print(json.dumps([{names}, Out]))") == [[], {}]


async def test_hostile_values_are_not_run(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """No ``__repr__``, ``__getattr__`` or property of the user's is called; the rest is told all the same."""
    server = serve([call("list_variables"), call("inspect_variable", name="evil"), SAID])
    kernel = await notebook(server)
    code = """
class Evil:
    ran = []
    def __init__(self): self.inside = 7
    def __repr__(self): Evil.ran.append("repr"); print("PWNED"); raise SystemExit
    def __getattr__(self, name): Evil.ran.append(name); while True: pass
    @property
    def __class__(self): Evil.ran.append("class"); return int
    def __len__(self): Evil.ran.append("len"); return 1
evil = Evil()
held = [evil, {1: evil}]
loop = []; loop.append(loop)
big = 1 << 10_000_000
long = "x" * 10_000_000
many = list(range(2_000_000))
""".replace("Evil.ran.append(name); while True: pass", "Evil.ran.append(name); return 0")
    await kernel.run(LOAD + code)
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    told = {entry["name"]: entry for entry in (await result_of(page, "list_variables"))["variables"]}
    assert told["evil"] == {"name": "evil", "type": "Evil"}
    assert told["held"]["value"] == "[<Evil inside=7>, {1: <Evil inside=7>}]"
    assert told["big"]["value"] == "<an int of 10,000,001 bits>"
    assert told["many"]["length"] == 2_000_000
    assert len(json.dumps(told)) < 5_000
    seen = await result_of(page, "inspect_variable")
    assert (seen["attributes"], seen["value"]) == ({"inside": "7"}, "<Evil inside=7>")
    assert await kernel.value("import json; print(json.dumps(Evil.ran))") == []


CURIOUS = """
import sys, io
import numpy as np, pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype
ran = []
class Unhashable(type):
    def __eq__(cls, other): ran.append("eq"); return NotImplemented
    def __getattribute__(cls, name): ran.append(name); return type.__getattribute__(cls, name)
class Field(metaclass=Unhashable): pass
class Hashed(type):
    def __hash__(cls): ran.append("hash"); return 1
class Row(metaclass=Hashed): pass
class Array(np.ndarray):
    def __array_finalize__(self, other): ran.append("finalize")
    @property
    def shape(self): ran.append("shape"); return ()
    @property
    def dtype(self): ran.append("dtype")
class Frame(pd.DataFrame):
    @property
    def shape(self):
        while True: ran.append("shape")
class Dtype(ExtensionDtype):
    type, kind = object, "O"
    @property
    def name(self): ran.append("name"); return "evil"
    @classmethod
    def construct_array_type(cls): return Values
class Values(ExtensionArray):
    dtype = Dtype()
    def __init__(self, v): self.v = np.asarray(v, dtype=object)
    def __len__(self): ran.append("len"); return len(self.v)
    def __getitem__(self, i): ran.append("getitem"); return self.v[i]
    def isna(self): return np.zeros(len(self.v), bool)
    def copy(self): return Values(self.v.copy())
class Attached:
    def __deepcopy__(self, memo): ran.append("deepcopy"); return self
class Key(str):
    def __eq__(self, other): ran.append("key"); return False
    def __hash__(self): return str.__hash__(self)
class Bad(Exception):
    def __str__(self): ran.append("str"); return "words"
class Thing: pass
field, row, thing, made = Field(), Row(), Thing(), Thing()
thing.__dict__[Key("inside")] = 1
setattr(made, "inside", 5)
array, frame, strange = np.zeros(3).view(Array), Frame({"a": [1]}), pd.Series(Values([1, 2]))
table = pd.DataFrame({"a": [1, 2], "b": ["x", None]}); table.attrs["x"] = Attached()
half = pd.read_csv(io.BytesIO(b"caf\\xe9,b\\n1,2\\n"), encoding="utf-8", encoding_errors="surrogateescape")
sys.set_int_max_str_digits(640); big = 10**1000
globals()[7] = "seven"
nested = {f"data{n}": [[["abc"] * 20 for _ in range(20)] for _ in range(20)] for n in range(180)}
globals().update(nested)
ran.clear()
"""


async def test_looking_executes_nothing(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Whatever a class or a metaclass defines; one strange value does not hide the others, nor take their time."""
    looks = ["thing.inside", "made.inside", "table", "table.a", "array"]
    asked = [call("list_variables"), *[call("inspect_variable", name=name) for name in looks], call("last_error")]
    server = serve([*asked, SAID])
    kernel = await notebook(server)
    assert (await kernel.run(LOAD + CURIOUS)).error == ""
    await kernel.run("raise Bad")
    await kernel.run("ran.clear()")
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    assert await kernel.value("import json; print(json.dumps(ran))") == []
    events = page.seen("ToolCallNotification")
    results = [json.loads(event["result"]) for event in events if event["status"] == "done"]
    listed = {entry["name"]: entry for entry in results[0]["variables"]}
    assert listed["field"] == {"name": "field", "type": "Field"}
    assert listed["row"] == {"name": "row", "type": "Row"}
    assert listed["array"] == {"name": "array", "type": "Array", "shape": [3], "dtype": "float64", "bytes": 24}
    assert listed["frame"] == {"name": "frame", "type": "Frame"}
    assert listed["strange"] == {"name": "strange", "type": "pandas.Series", "dtype": "Values"}
    assert listed["half"]["columns"] == {"caf\ufffd": "int64", "b": "int64"}
    assert listed["big"]["value"] == "<an int of 3,322 bits>"
    assert listed["7"]["problem"] == "its key in the namespace is no name"
    assert "[cut]" in listed["data0"]["value"]
    assert [event["error"] for event in events if event["status"] == "error"] == [
        "thing.inside: there is no plain attribute inside."
    ]
    made, table, column, array, error = results[1:]
    assert made["value"] == "5"
    assert table["value"] == "a | b\n1 | 'x'\n2 | nan\n[2 rows, 2 columns]"
    assert (column["dtype"], column["value"]) == ("int64", "[1, 2]")
    assert array["value"] == "[0.0, 0.0, 0.0]"
    assert (error["error"], error["message"]) == ("Bad", "Bad")


async def test_looking_is_bounded(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """What takes long to tell is told by its type alone, and that is said."""
    server = serve([call("list_variables"), SAID])
    kernel = await notebook(server)
    await kernel.run(LOAD + "import whisperer_kernel.notebook.looks as looks; looks.LISTING_S = 0.0\nx, y = 1, 2")
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    told = await result_of(page, "list_variables")
    assert told["variables"] == [{"name": "x", "type": "int"}, {"name": "y", "type": "int"}]
    assert told["told by their type alone"] == 2


async def test_source_and_last_error(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """Functions, classes and methods by their source; the error with the lines around it."""
    calls = [call("source_of", name="slugify"), call("source_of", name="K"), call("last_error"), SAID]
    server = serve(calls)
    kernel = await notebook(server)
    await kernel.run(LOAD + SLUGIFY)
    await kernel.run("from dataclasses import dataclass\n@dataclass\nclass K:\n    x: int = 1")
    await kernel.run("def broken(n):\n    return 1 / n\n\nbroken(0)")
    page = await page_of(server, kernel, connect)
    await page.ask("Look.")
    sources = [json.loads(event["result"]) for event in page.seen("ToolCallNotification", status="done")]
    assert sources[0]["source"].startswith("def slugify(text: str")
    assert sources[0]["docstring"] == "Lower case, words joined by `sep`."
    assert sources[1]["source"] == "@dataclass\nclass K:\n    x: int = 1\n"
    assert (sources[2]["error"], sources[2]["message"]) == ("ZeroDivisionError", "ZeroDivisionError: division by zero")
    assert "> 2:     return 1 / n" in sources[2]["traceback"][-1]["code"]


async def test_no_session_is_started_for_a_kernel_alone(
    server: Server, notebook: OpenNotebook, connect: Connect
) -> None:
    """A kernel that takes part waits for the page; the page's wishes count."""
    kernel = await notebook()
    await kernel.run(LOAD)
    page = await connect(server)
    started = await page.start(kernelId=kernel.id, agent="tessa")
    assert (started["resumed"], started["agent"]) == (False, "tessa")


async def test_session_that_comes_back_has_its_kernel(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """A session that has left memory, and one that was begun anew, are served as the first was."""
    looks = [*[call("list_variables"), SAID] * 3]
    server = serve(looks, {"WHISPERER_LIMITS__RESUME_GRACE_S": "0.1"})
    kernel = await notebook(server)
    await kernel.run(LOAD)
    for new in (False, False, True):
        page = await page_of(server, kernel, connect, new=new)
        await page.ask("Look.")
        assert "variables" in await result_of(page, "list_variables")
        await page.close()
        await asyncio.sleep(0.4)


async def test_candidates_run_before_they_come_into_the_notebook(
    serve: Serve, notebook: OpenNotebook, connect: Connect
) -> None:
    """What passed is inserted as one cell, once; what did not is told with its reason, to model and person."""
    server = serve([call("make_tests", target="slugify", tests=TESTS), SAID])
    kernel = await notebook(server)
    await kernel.run(LOAD + SLUGIFY)
    page = await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"])
    await answered(page, "Test slugify.")
    asked = page.seen("tool.permission_requested")
    assert [ask["toolName"] for ask in asked] == ["run_tests", "insert_cells"]
    assert "assert slugify(" in asked[0]["preview"]
    inserted = page.seen("ToolCallNotification", toolName="insert_cells", status="done")[0]["arguments"]["cells"]
    assert [cell["kind"] for cell in inserted] == ["test"]
    cell = inserted[0]["source"]
    assert cell.startswith("%%tests\n# Tests of slugify: 1 of 3 ran and passed")
    assert "test_words" in cell
    assert "test_wrong" not in cell
    report = (await page.expect("tests.reported"))["report"]
    assert report["counts"] == {"passed": 1, "failed": 1, "error": 1}
    assert inserted[0]["report_id"] == report["reportId"]
    words = page.seen("ToolCallNotification", toolName="make_tests", status="done")[0]["result"]
    assert "- a_b" in words
    assert "does not parse" in words
    ran = await kernel.run(cell)
    assert ran.error == ""
    assert "1 passed" in ran.shown["text/plain"]
    listed = (await page.request("tests.list", sessionId=page.session_id))["reports"]
    assert [one["reportId"] for one in listed] == [report["reportId"]]
    read = await page.request("tests.read", sessionId=page.session_id, reportId=report["reportId"])
    assert read["report"] == report


async def test_without_a_yes_nothing_is_run(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """A no is told to the model, and no process was started."""
    server = serve([call("make_tests", target="slugify", tests=TESTS), SAID])
    kernel = await notebook(server)
    await kernel.run(LOAD + SLUGIFY)
    page = await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"])
    await answered(page, "Test slugify.", decision="deny")
    assert page.seen("ToolCallNotification", toolName="run_tests", status="denied")
    assert not page.seen("ToolCallNotification", toolName="run_tests", status="running")
    assert not page.seen("tests.reported")


async def test_command_needs_no_model_and_no_yes(serve: Serve, notebook: OpenNotebook, connect: Connect) -> None:
    """``tests(fn)`` records what the function does today; the cell says so, and it is offered where no page is."""
    server = serve([])
    kernel = await notebook(server)
    await kernel.run(SLUGIFY + "import json\nfrom whisperer_kernel import Whisperer")
    cell = await kernel.run(
        "made = await Whisperer().tests(slugify)\nprint(json.dumps([made.report.counts, made.report.cell]))"
    )
    assert cell.error == ""
    counted, text = json.loads(cell.printed.splitlines()[-1])
    assert list(counted) == ["passed"]
    assert "# Characterisation tests: they record what the code does today" in text
    again = await kernel.run(text)
    assert again.error == ""
    assert f"{counted['passed']} passed" in again.shown["text/plain"]
    page = await page_of(server, kernel, connect)
    assert len((await page.request("tests.list", sessionId=page.session_id))["reports"]) == 1
    failed = await kernel.run("await Whisperer().tests('nothing_here')")
    assert failed.error.startswith("NoTests: There is no nothing_here in the kernel")
    assert failed.traceback == [failed.error]


async def test_kernel_takes_part_in_a_session_of_ones_own(serve: Serve, notebook: OpenNotebook) -> None:
    """Tests are run in a session that ``new`` began, on its next connection, and found again by its id."""
    server = serve([])
    kernel = await notebook(server)
    await kernel.run(SLUGIFY + "import json\nfrom whisperer_kernel import Whisperer\nown = Whisperer(new=True)")
    made = "print(json.dumps([*(await {}.tests(slugify)).report.counts]))"
    assert await kernel.value(made.format("own")) == ["passed"]
    assert await kernel.value("await own.aclose()\n" + made.format("own")) == ["passed"]
    same = "await own.aclose()\nsame = Whisperer(session=own.session_id)\n"
    assert await kernel.value(same + made.format("same")) == ["passed"]
    assert await kernel.value("print(json.dumps(len(await Whisperer().history())))") == 1


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("while True: pass", "timeout"),
        ("__import__('os')._exit(0)", "crashed"),
        ("x = [0] * (10 * 1024**3 // 8)", "memory"),
        ("open('{outside}', 'w').write('x')", "forbidden write"),
        ("while True: __import__('os').fork()", "forbidden process"),
        ("__import__('sys').stdout.close()", "passed"),
    ],
)
async def test_hostile_tests_leave_everything_unharmed(
    serve: Serve, notebook: OpenNotebook, connect: Connect, body: str, verdict: str
) -> None:
    """Each has its verdict; kernel, files and server go on, and the good test beside it counts."""
    server = serve([])
    outside = server.folder / "work" / "outside.txt"
    tests = (
        f"def test_bad():\n    slugify('x'); {body.format(outside=outside)}\n"
        if "while" not in body
        else (f"def test_bad():\n    slugify('x')\n    {body}\n")
    )
    server = serve(
        [
            call("make_tests", target="slugify", tests=f"{tests}\ndef test_good():\n    assert slugify('A') == 'a'\n"),
            SAID,
        ]
    )
    kernel = await notebook(server)
    await kernel.run(LOAD + SLUGIFY)
    page = await page_of(server, kernel, connect, agent="tessa", clientTools=["insert_cells"])
    await answered(page, "Test it.")
    report = (await page.expect("tests.reported"))["report"]
    assert {one["name"]: one["verdict"] for one in report["outcomes"]} == {"test_bad": verdict, "test_good": "passed"}
    assert not outside.exists()
    assert await kernel.value("import json; print(json.dumps(slugify('Still Here')))") == "still-here"
