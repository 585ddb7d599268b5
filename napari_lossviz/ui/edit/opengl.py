"""Keeps the removal of layers from ending the process."""

from contextlib import suppress
from typing import Any

from vispy.gloo import gl

_ATTRIBUTES = 16
"""What every OpenGL offers at least; no program of VisPy's takes more."""


def release_attributes(viewer: Any) -> None:
    """Disable all vertex attributes of a viewer's canvas; the next drawing enables what it needs.

    VisPy leaves them enabled after a drawing, and the circle of a brush has more of them than an
    image. When a layer is removed then, buffers are deleted that they still point to, and the next
    drawing reads freed memory (seen: napari 0.9.2, VisPy 0.17, Mesa 22.3).

    Parameters
    ----------
    viewer : napari.Viewer
        One without a window, or with one that is closing, is left alone.
    """
    with suppress(AttributeError, RuntimeError):
        canvas = viewer.window._qt_viewer.canvas._scene_canvas
        canvas.set_current()
        for attribute in range(_ATTRIBUTES):
            gl.glDisableVertexAttribArray(attribute)
