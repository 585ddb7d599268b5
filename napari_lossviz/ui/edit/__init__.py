"""The sigma editor: paint smoother or sharper, and watch the result follow.

`SigmaEditor` is imported when it is used: what stands under it needs no Qt.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_lossviz.ui.edit.editor import SigmaEditor

__all__ = ["SigmaEditor"]


def __getattr__(name: str) -> Any:
    if name == "SigmaEditor":
        from napari_lossviz.ui.edit.editor import SigmaEditor

        return SigmaEditor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
