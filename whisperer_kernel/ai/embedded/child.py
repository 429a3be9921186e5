"""The process that runs the model. Started as a script, with nothing but the standard library and xllamacpp.

One line of JSON on stdin says what to run: ``{"gguf", "alias", "key", "n_ctx", "n_parallel", "threads"}``; one line of
JSON on stdout says where: ``{"address"}``. It lives as long as stdin stays open, so that it dies with its parent,
however that dies.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def parameters(order: dict[str, Any]) -> Any:
    """The parameters of llama.cpp's server: on loopback, behind a key, for no browser."""
    import xllamacpp  # noqa: PLC0415 - 100 MB of code, so only where it is used

    params = xllamacpp.CommonParams()
    params.model.path = order["gguf"]
    params.model_alias = {order["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.cors_origins = ""
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.use_jinja = True
    params.n_ctx = params.n_predict = order["n_ctx"]
    params.n_parallel = order["n_parallel"]
    params.n_batch = params.n_ubatch = 256
    params.cache_ram_mib = 64
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    return params


def main() -> None:
    """Serve until stdin ends."""
    order = json.loads(sys.stdin.readline())
    import xllamacpp  # noqa: PLC0415

    server = xllamacpp.Server(parameters(order))
    sys.stdout.write(json.dumps({"address": server.listening_address}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    # Ends at once, also in the middle of an answer; an orderly end waits for it.
    os._exit(0)


if __name__ == "__main__":
    main()
