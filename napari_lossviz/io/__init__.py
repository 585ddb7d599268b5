"""Files to `Image` and back.

`read` takes files and folders and returns one `Image` for each volume; `write` saves an image or
a method's result. Neither loads a format's package before a file needs it.
"""

from collections.abc import Callable
from typing import Any

# Imported here and not on demand: the module bears the name of its function, so that a later
# first import of the module would put the module in the function's place.
from napari_lossviz.io.read import read

__all__ = ["read", "write"]


def __getattr__(name: str) -> Callable[..., Any]:
    if name == "write":
        from napari_lossviz.io.write import write

        globals()["write"] = write
        return write
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
