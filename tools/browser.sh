#!/usr/bin/env bash
# browser.sh [--install]: prints the Chromium that the browser tests drive, after installing one if there is none.
# An empty line means the one that Playwright brings.
set -euo pipefail

browsers=(chromium chromium-browser google-chrome google-chrome-stable
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

# Asking for the version tells a browser from the stub that only points to another package system.
installed() {
  local name
  for name in "${WHISPERER_CHROMIUM:-}" "${browsers[@]}"; do
    if [ -n "$name" ] && command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  return 1
}

from_debian() {
  command -v apt-get >/dev/null || return 1
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || return 1
    as_root=(sudo -n)
  fi
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium &&
    installed >/dev/null
}

if [ -n "${WHISPERER_CHROMIUM:-}" ] && ! "$WHISPERER_CHROMIUM" --version >/dev/null 2>&1; then
  echo "WHISPERER_CHROMIUM=$WHISPERER_CHROMIUM does not run." >&2
  exit 1
fi
if [ "${1:-}" != --install ]; then
  installed || echo
elif ! installed && ! from_debian && ! python -m playwright install chromium; then
  echo "The browser tests need Chromium or Chrome: install one, or name it with WHISPERER_CHROMIUM=/path." >&2
  exit 1
fi
