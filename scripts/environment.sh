#!/usr/bin/env bash
# Make the virtual environment .venv if it is missing and install the project into it, editable,
# with the given extras. A stamp remembers what was installed: the second run installs nothing.
#
# usage: scripts/environment.sh EXTRAS     such as: all   or: all,test
# PYTHON chooses the interpreter; PIP_CONSTRAINT is honoured, as pip does.

source "$(dirname "$0")/common.sh"

extras=${1:?extras}
venv=.venv

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_environment() {
    local python
    python=$(find_python) || fail "Python 3.11 or newer is needed, none found" \
        "(looked for ${PYTHON:-python3, python3.13, python3.12, python3.11}); choose one with: make ... PYTHON=/path/to/python"
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        local package prefix
        package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
        if command -v apt-get >/dev/null && prefix=$(root_prefix); then
            say "Installing $package with apt: Python's venv module is missing"
            $prefix apt-get -qq update || true
            $prefix env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$package" >/dev/null ||
                fail "apt could not install $package; $python needs its venv module"
        else
            fail "Python's venv module is missing; run: sudo apt-get install $package"
        fi
    fi
    say "Making the virtual environment $venv with $("$python" --version)"
    "$python" -m venv "$venv"
}

[ -x $venv/bin/python ] || make_environment

# A change of the project's requirements, of the constraints or of the interpreter asks for a new
# installation; a change of the code does not, since the installation is editable.
key() {
    {
        cat pyproject.toml
        local file
        for file in ${PIP_CONSTRAINT:-}; do cat "$file" 2>/dev/null || echo "$file"; done
        $venv/bin/python --version
        pwd
    } | sha256sum | cut -d' ' -f1
}

stamp=$venv/.lossviz-installed-${extras//,/+}
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(key)" ]; then
    say "Python packages [$extras]: all there, nothing to install"
    exit 0
fi

timed "Installing napari-lossviz[$extras] and its Python packages (2 to 10 minutes; up to 3 GB to download, PyTorch most of it)" \
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
key >"$stamp"
