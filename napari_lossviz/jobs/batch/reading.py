"""How a worker reads an image of an item."""

from napari_lossviz import io
from napari_lossviz.core import Image, InputError, Reporter
from napari_lossviz.io.survey import Holding

_LAZY_METHODS = ("filter2noise",)
"""Methods that take a large series slice by slice from its files."""


def read_source(source: Holding, method: str, reporter: Reporter) -> Image:
    """Return the whole image.

    Parameters
    ----------
    source : Holding
    method : str
        Name of the one that takes it.
    reporter : Reporter

    Raises
    ------
    InputError
        If the files hold something else than they did.
    """
    images = io.read(source.paths, reporter=reporter, lazy=method in _LAZY_METHODS)
    if len(images) != source.count:
        raise InputError(
            f"{source.paths[0]} holds {len(images)} image(s), and {source.count} were expected"
        )
    return images[source.index]
