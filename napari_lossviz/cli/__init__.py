"""The `lossviz` command."""

from napari_lossviz.cli.main import main

__all__ = ["main"]
