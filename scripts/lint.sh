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

check "Style (ruff check)" $bin/ruff check .
check "Format (ruff format)" $bin/ruff format --check .
check "Types (mypy --strict)" scripts/typecheck.sh
check "Import rules (lint-imports)" $bin/lint-imports
exit $status
