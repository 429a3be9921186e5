"""Kernels that are not like ours: without the package, with an old ipykernel, of another language.

``install`` writes their kernelspecs where a server looks for them. As a program it is the kernel of the other language.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

BARE, OLD, OLD_OURS, OTHER = "bare", "old", "old-ours", "other"
# As if the package were not there, in whatever way it was installed here.
START = (
    "import sys; sys.modules['whisperer_kernel'] = None; sys.modules['jupyter_ext'] = None; "
    "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
)


def install(folder: Path, old_ipykernel: Path | None = None) -> None:
    """Kernelspecs for a server in this folder; the old ones, without and with the package, where that ipykernel is."""
    python = [sys.executable, "-c", START, "-f", "{connection_file}"]
    _write(folder, BARE, {"argv": python, "language": "python"})
    _write(folder, OTHER, {"argv": [sys.executable, "-m", __name__, "-f", "{connection_file}"], "language": "R"})
    if old_ipykernel is not None:
        _write(folder, OLD, {"argv": python, "language": "python", "env": {"PYTHONPATH": str(old_ipykernel)}})
        install_ours(folder, OLD_OURS, old_ipykernel)


def install_ours(folder: Path, name: str, ipykernel: Path) -> None:
    """A kernelspec of this name, with the package and with the ipykernel that is there."""
    ours = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    _write(folder, name, {"argv": ours, "language": "python", "env": {"PYTHONPATH": str(ipykernel)}})


def _write(folder: Path, name: str, spec: dict[str, Any]) -> None:
    place = folder / "data" / "kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({"display_name": name, **spec}))


class Other(Kernel):
    """Does nothing, in a language that nobody speaks."""

    implementation = "other"
    implementation_version = "1"
    banner = "other"
    language_info = {"name": "R", "mimetype": "text/plain", "file_extension": ".r"}  # noqa: RUF012 - the base's way

    async def do_execute(self, *_args: Any, **_more: Any) -> dict[str, Any]:
        """Nothing."""
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=Other)
