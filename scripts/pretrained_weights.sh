#!/usr/bin/env bash
# Install the package that holds MERLIN's pretrained networks, best effort: without it everything
# else works, `lossviz despeckle` says what is missing, and tests that need it are skipped.
# Its dependencies stay out: one of them, opencv-python, clashes with Qt, and none is needed.

source "$(dirname "$0")/common.sh"

package=deepdespeckling==0.8
python=.venv/bin/python

if [ "$($python -m pip show "${package%%=*}" 2>/dev/null | sed -n 's/^Version: //p')" = "${package##*=}" ]; then
    say "Pretrained MERLIN networks: there, nothing to install"
elif timed "Installing the pretrained MERLIN networks ($package, 12 MB)" \
    $python -m pip install --quiet --disable-pip-version-check --no-deps "$package"; then
    :
else
    warn "the pretrained MERLIN networks could not be installed; later: pip install --no-deps $package"
fi
