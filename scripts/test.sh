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

for binding in pyqt5 pyqt6; do
    run_part "window under $binding" \
        env QT_API=$binding PYTEST_QT_API=$binding $python -m pytest tests/gui
done
run_part "all but the window" $python -m pytest --ignore tests/gui -p no:pytest-qt -p no:xvfb --durations 10

say "Summary of the tests ($cores cores)"
printf '    %s\n' "${summary[@]}"
exit $status
