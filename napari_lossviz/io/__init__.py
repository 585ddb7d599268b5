"""Files to `Image` and back.

`read` takes files and folders and returns one `Image` for each volume; `write` saves an image or
a method's result. Neither loads a format's package before a file needs it.
"""

# Imported here and not on demand: both modules bear the name of their function, so that a later
# first import of a module would put the module in the function's place.
from napari_lossviz.io.read import read
from napari_lossviz.io.write import write

__all__ = ["read", "write"]
