#!/usr/bin/env bash
# Check the types of the rooms that are checked strictly: all but the window's, whose libraries
# are not typed.

source "$(dirname "$0")/common.sh"

rooms=(betti core engine filter2noise io jobs losses metrics samples stain cli)
exec .venv/bin/mypy --strict "${rooms[@]/#/napari_lossviz/}"
