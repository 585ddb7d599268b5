"""Sentinel-1 products among files and folders, and what they hold, for a choice."""

from collections.abc import Iterable
from pathlib import Path

from napari_lossviz.core import InputError
from napari_lossviz.io import safe
from napari_lossviz.io.measurements import Measurement
from napari_lossviz.io.read import PRODUCT_MANIFEST, find_files


def measurements_in(paths: Iterable[str | Path]) -> list[Measurement]:
    """Return the images of all products among some files and folders, without reading pixels.

    What cannot be read is left out: reading it will say why.

    Parameters
    ----------
    paths : paths
        As `read` takes them.
    """
    found = []
    for path in _products_among(Path(path) for path in paths):
        try:
            found += safe.list_measurements(path)
        except (InputError, OSError):
            continue
    return found


def _products_among(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        try:
            if path.is_dir():
                yield from (one for one in find_files(path) if one.name == PRODUCT_MANIFEST)
            elif path.is_file() and safe.can_read(path):
                yield path
        except (OSError, ValueError):  # unreadable, or a name that no file can have
            continue
