#!/usr/bin/env bash
# Check style, types and the import rules; all checks run, the status tells whether any failed.

source "$(dirname "$0")/common.sh"

bin=.venv/bin
status=0

check() {
    local what=$1
    shift
    timed "$what" "$@" || {
        status=1
        warn "$what: FAILED"
    }
}

# The rooms whose types are checked strictly; those that do not exist yet are left out.
typed=()
for room in core engine filter2noise io jobs losses metrics samples cli cli.py; do
    [ -e "napari_lossviz/$room" ] && typed+=("napari_lossviz/$room")
done

check "Style (ruff check)" $bin/ruff check .
check "Format (ruff format)" $bin/ruff format --check .
check "Types (mypy --strict)" $bin/mypy --strict "${typed[@]}"
check "Import rules (lint-imports)" $bin/lint-imports
exit $status
