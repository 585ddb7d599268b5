#!/usr/bin/env bash
# Run the whole test suite: the window's tests once for each Qt binding, each in a process of its
# own, since a process can load only one; all others once, without Qt.

source "$(dirname "$0")/common.sh"

cores=$(usable_cores)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$cores} NUMBA_NUM_THREADS=${NUMBA_NUM_THREADS:-$cores}
export MPLBACKEND=Agg
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
    $python -m pytest tests/gui --cache-clear && return
    warn "some of the window's tests failed; they alone are run once more"
    $python -m pytest tests/gui --last-failed --last-failed-no-failures none
}

for binding in pyqt5 pyqt6; do
    export QT_API=$binding PYTEST_QT_API=$binding
    run_part "window under $binding" window_tests
done
unset QT_API PYTEST_QT_API
run_part "all but the window" $python -m pytest --ignore tests/gui -p no:pytest-qt -p no:xvfb --durations 10

say "Summary of the tests ($cores cores)"
printf '    %s\n' "${summary[@]}"
exit $status
