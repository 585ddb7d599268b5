#!/usr/bin/env bash
# Check the types of the rooms that are checked strictly: all but the window's, whose libraries
# are not typed.

source "$(dirname "$0")/common.sh"

rooms=(core engine filter2noise io jobs metrics samples cli)
exec .venv/bin/mypy --strict "${rooms[@]/#/napari_lossviz/}"
