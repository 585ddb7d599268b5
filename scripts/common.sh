# Sourced by the other scripts: the project's folder, messages, timing.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
warn() { printf '\033[1m==> warning:\033[0m %s\n' "$*" >&2; }
fail() {
    printf '\033[1m==> error:\033[0m %s\n' "$*" >&2
    exit 1
}

# timed "what is done" command...: say it, do it, say how long it took, return the command's status.
timed() {
    local what=$1 start=$SECONDS status=0
    shift
    say "$what ..."
    "$@" || status=$?
    [ $status -ne 0 ] || say "Done in $((SECONDS - start)) s"
    return $status
}

# How to become root without a question: "" for root, "sudo" with no password, or status 1.
root_prefix() {
    if [ "$(id -u)" -eq 0 ]; then
        echo ""
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        echo "sudo -n"
    else
        return 1
    fi
}

# The processors that this process may use. A container's quota can be far below nproc, and
# torch would then start many threads for few cores.
usable_cores() {
    local cores quota period
    cores=$(nproc 2>/dev/null || echo 1)
    if [ -r /sys/fs/cgroup/cpu.max ]; then
        read -r quota period </sys/fs/cgroup/cpu.max
        if [ "$quota" != max ]; then
            local limit=$(((quota + period - 1) / period))
            [ "$limit" -lt "$cores" ] && cores=$limit
        fi
    fi
    echo "$cores"
}
