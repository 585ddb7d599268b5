"""Judging a denoised CT by the figures of a CT physicist."""

from napari_lossviz.ui.ct.panel import CtPanel

__all__ = ["CtPanel"]
