#!/usr/bin/env bash
# Install the Debian packages that Qt's window (and for "test" a virtual display and a DICOM
# validator) need, only those missing and only where apt is there.
#
# usage: scripts/system_packages.sh qt|test

source "$(dirname "$0")/common.sh"

purpose=${1:?qt or test}
qt=(libgl1 libegl1 libopengl0 libglib2.0-0 libfontconfig1 libdbus-1-3 libxkbcommon-x11-0
    libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-xinerama0
    libxcb-xkb1 libxcb-shape0 libxcb-cursor0)
required=("${qt[@]}")
optional=()
if [ "$purpose" = test ]; then
    required+=(xvfb xauth)
    optional+=(dicom3tools)
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    if [ "$purpose" = test ] && [ "$(uname)" = Linux ] && ! command -v Xvfb >/dev/null; then
        fail "the window's tests need Xvfb; install it with this system's package manager" \
            "(on Debian: ${required[*]})"
    fi
    exit 0
fi

# Newer releases add "t64" to the names of some libraries, and apt follows the old name to them.
installed() {
    dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed' ||
        dpkg -s "$1t64" 2>/dev/null | grep -q '^Status: install ok installed'
}

missing=()
for package in "${required[@]}" "${optional[@]}"; do
    installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    say "System packages: all there, nothing to install"
    exit 0
fi

by_hand="sudo apt-get install ${missing[*]}"
if ! prefix=$(root_prefix); then
    warn "these system packages are missing and this account may not install them: ${missing[*]}"
    warn "as an administrator run: $by_hand"
    if [ "$purpose" = test ] && ! command -v Xvfb >/dev/null; then
        fail "the window's tests cannot run without Xvfb"
    fi
    exit 0
fi

apt_get() { $prefix env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

install_missing() {
    apt_get update || warn "apt-get update failed; going on with the package lists that are there"
    local package
    local wanted=()
    for package in "${missing[@]}"; do
        if [[ " ${optional[*]} " == *" $package "* ]] && ! apt-cache show "$package" >/dev/null 2>&1; then
            warn "$package is not offered here; the tests that need it are skipped"
        else
            wanted+=("$package")
        fi
    done
    [ ${#wanted[@]} -eq 0 ] || apt_get install -y --no-install-recommends "${wanted[@]}" >/dev/null
}

if ! timed "Installing ${#missing[@]} system packages with apt (about a minute): ${missing[*]}" \
    install_missing; then
    [ "$purpose" = test ] && fail "apt could not install them; try by hand: $by_hand"
    warn "apt could not install them; without them napari may not open. By hand: $by_hand"
fi
