"""Runs tests as a system does that allows no namespaces: reads what to run as JSON, and prints what came of it.

It takes the right to make them from itself and its children, by the filter that is otherwise put behind the wall.
"""

from __future__ import annotations

import json
import subprocess
import sys

from whisperer_kernel.verify import isolated
from whisperer_kernel.verify.isolated import Ran, Result
from whisperer_kernel.verify.isolation import libc, syscalls
from whisperer_kernel.verify.limits import Limits


def run(source: str, tests: list[str], limits: Limits) -> Ran:
    """As ``isolated.run`` does, in a process without the right to namespaces."""
    asked = json.dumps({"source": source, "tests": tests, "test_s": limits.test_s})
    done = subprocess.run(
        [sys.executable, "-m", "tests.verify.unwalled"], input=asked, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    results = tuple(Result(verdict=verdict, reason=reason) for verdict, reason in told["results"])
    return Ran(results=results, wall=told["wall"])


def main() -> None:
    """One run."""
    asked = json.load(sys.stdin)
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.refuse()
    ran = isolated.run("tests", asked["source"], asked["tests"], Limits(test_s=asked["test_s"]))
    print(json.dumps({"results": [[one.verdict, one.reason] for one in ran], "wall": ran.wall}))  # noqa: T201


if __name__ == "__main__":
    main()
