"""Judging a despeckled radar image by the figures of the field."""

from napari_lossviz.ui.speckle.panel import SpecklePanel

__all__ = ["SpecklePanel"]
