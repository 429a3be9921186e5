"""The environment variables of a test process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# What of the environment a test may know: where programs and libraries are, how text is written.
KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "CONDA_PREFIX",
)


def bare_environment(folder: str) -> dict[str, str]:
    """No keys, no settings, a home of its own; the interpreter's own path, so that the notebook's imports are found."""
    here = Path(__file__).resolve().parents[3]
    paths = [str(Path(path).resolve()) for path in sys.path if path and Path(path).exists()]
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "IPYTHONDIR"), folder),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"),
        "PYTHONPATH": os.pathsep.join([*paths, *([] if str(here) in paths else [str(here)])]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
        "PY_COLORS": "0",
    }
