#!/usr/bin/env bash
# Run the whole test suite: the window's tests once for each Qt binding, each in a process of its
# own, since a process can load only one; all others once, without Qt.

source "$(dirname "$0")/common.sh"

cores=$(usable_cores)
# Two test processes run at a time, and share the processors.
threads=$(((cores + 1) / 2))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$threads} NUMBA_NUM_THREADS=${NUMBA_NUM_THREADS:-$cores}
export MPLBACKEND=Agg
# Dozens of tests start programs of their own: each would compile the package, and pytest rewrite
# the assertions of all of napari, were the caches of the interpreter not written.
unset PYTHONDONTWRITEBYTECODE
python=.venv/bin/python
summary=()
status=0

run_part() {
    local what=$1 start=$SECONDS result
    shift
    say "Tests: $what"
    if "$@"; then
        result=passed
    else
        result="FAILED (exit status $?)"
        status=1
    fi
    summary+=("$(printf '%-28s %-26s %4d s' "$what" "$result" $((SECONDS - start)))")
}

# A real window on a busy machine may be late once. What failed is run once more, in a process of
# its own; a fault fails again. A crash leaves no list of failures, so it is never run again.
window_tests() {
    export QT_API=$1 PYTEST_QT_API=$1
    local options=(tests/gui -o "cache_dir=.pytest_cache/$1")
    $python -m pytest "${options[@]}" --cache-clear && return
    warn "some of the window's tests failed under $1; they alone are run once more"
    $python -m pytest "${options[@]}" --last-failed --last-failed-no-failures none
}

# A window mostly waits: both bindings side by side take little longer than one.
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
window_tests pyqt5 >"$said/pyqt5" 2>&1 &
beside=$!
run_part "window under pyqt6" window_tests pyqt6
run_part "window under pyqt5, beside it" wait "$beside"
cat "$said/pyqt5"
unset QT_API PYTEST_QT_API
run_part "all but the window" $python -m pytest --ignore tests/gui -p no:pytest-qt -p no:xvfb \
    --numprocesses 2 --dist worksteal --durations 20

say "Summary of the tests ($cores cores)"
printf '    %s\n' "${summary[@]}"
exit $status
