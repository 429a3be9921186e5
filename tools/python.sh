#!/usr/bin/env bash
# Prints the first Python >= 3.11 that can make a virtual environment, or says what to install.
set -euo pipefail

usable='import sys; sys.exit(sys.version_info < (3, 11))'
for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
  [ -n "$name" ] || continue
  "$name" -c "$usable" >/dev/null 2>&1 || continue
  if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    command -v "$name"
    exit
  fi
  without_venv=$name
done

if [ -n "${without_venv:-}" ]; then
  version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "$without_venv cannot make virtual environments. On Debian or Ubuntu: sudo apt install python$version-venv" >&2
else
  echo "Whisperer needs Python 3.11 or newer; found: $(python3 --version 2>&1 || true)." >&2
  echo "Install one (https://www.python.org/downloads/), or name it: make PYTHON=/path/to/python3" >&2
fi
exit 1
