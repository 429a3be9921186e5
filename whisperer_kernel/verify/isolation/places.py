"""Which places a run is not to see, and which its interpreter cannot do without."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

# Sockets and secrets of the system's services, and what only root can read, where the kernel is root's.
SYSTEM = ("/run", "/var/run", "/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/kubernetes", "/etc/rancher")
_POINTS_TO_SECRET = re.compile(
    r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|NETRC|KUBECONFIG|AUTH_SOCK|DOCKER_CONFIG|WHISPERER_CONFIG", re.IGNORECASE
)


def hidden(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Paths of what is secret: hidden files of the home and of this folder, Jupyter's own, what variables name."""
    return tuple(dict.fromkeys(_hidden(environ)))


def needed() -> tuple[str, ...]:
    """Paths of the interpreter and of everything that can be imported."""
    roots = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, str(Path(sys.executable).parent)]
    roots += [path for path in sys.path if Path(path).is_absolute()]
    roots += os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    roots.append(str(Path(__file__).resolve().parents[3]))
    return tuple(dict.fromkeys(form for root in roots if root for form in (root, os.path.realpath(root))))


def _hidden(environ: Mapping[str, str]) -> Iterator[str]:
    yield from SYSTEM
    yield from (jupyter_runtime_dir(), jupyter_config_dir(), jupyter_data_dir())
    for folder in {Path.home(), _home_of_user(), Path.cwd()}:
        yield from _dotted(folder)
    store = environ.get("WHISPERER_STORE__URL", "").removeprefix("sqlite:///")
    yield from (f"{store}{suffix}" for suffix in ("", "-wal", "-shm") if Path(store).is_absolute())
    for name, value in environ.items():
        if _POINTS_TO_SECRET.search(name) and Path(value).is_absolute():
            yield value


def _dotted(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.path for entry in entries if entry.name.startswith("."))
    except OSError:
        return


def _home_of_user() -> Path:
    try:
        import pwd  # noqa: PLC0415 - Unix alone has it

        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except (ImportError, KeyError):
        return Path.home()
