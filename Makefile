# Everything that a fresh Debian or Ubuntu machine with Python and make needs, in one command each.
# The steps are shell scripts in scripts/; each says what it does and how long it took.

PYTHON ?=
DEMO_OUTPUT ?= demo_output
export PYTHON

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test window lint docs pictures dist clean

help:  ## Show these lines
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo:  ## Install what is missing, run Filter2Noise on the bundled low-dose CT, show it in napari
	@scripts/system_packages.sh qt
	@scripts/environment.sh all
	@scripts/pretrained_weights.sh
	@$(BIN)/lossviz demo --output $(DEMO_OUTPUT) --overwrite

test:  ## Install what is missing, run every test, the window's under PyQt5 and PyQt6
	@scripts/system_packages.sh test
	@scripts/environment.sh all,test
	@scripts/pretrained_weights.sh
	@scripts/test.sh

window:  ## Install what is missing, open napari with the plugin
	@scripts/system_packages.sh qt
	@scripts/environment.sh all
	@scripts/pretrained_weights.sh
	@$(BIN)/lossviz window

lint:  ## Check style, types and which room imports which
	@scripts/environment.sh all,test
	@scripts/lint.sh

docs:  ## Build the documentation into site/
	@scripts/environment.sh docs
	@$(BIN)/mkdocs build --strict

pictures:  ## Make the pictures of the documentation again, from the real window
	@scripts/system_packages.sh test
	@scripts/environment.sh all
	@QT_API=pyqt5 xvfb-run -a -s "-screen 0 1280x800x24" $(BIN)/python docs/pictures.py

dist:  ## Build sdist and wheel into dist/ and check them as the package index would
	@scripts/environment.sh release
	@rm -rf dist
	@$(BIN)/python -m build
	@$(BIN)/python -m twine check --strict dist/*

clean:  ## Remove the environment and everything that was built or written by these commands
	rm -rf $(VENV) site build dist demo_output .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache .coverage *.egg-info
	find napari_lossviz tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
