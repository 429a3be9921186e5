#!/usr/bin/env bash
# step.sh LABEL COMMAND...: runs a command quietly, as one line of output; its log is shown if it fails.
set -uo pipefail

label=$1
shift
mkdir -p .logs
log=.logs/$(printf '%s' "$label" | tr -cs '[:alnum:]' '-').log
printf '  %-44s' "$label"
SECONDS=0
if "$@" >"$log" 2>&1 </dev/null; then
  printf 'ok %4d s\n' "$SECONDS"
else
  status=$?
  printf 'FAILED (%s)\n\n' "$status"
  cat "$log"
  exit "$status"
fi
