"""The zarr store of a large result: there as a whole, or not at all."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from napari_lossviz.core import OutputError, OutputExistsError
from napari_lossviz.engine.row_sink import refuse_existing


def save_to_store(array: np.ndarray, axes: str, path: str | Path) -> Any:
    """Write an array to a new zarr store, and return the store's array.

    A chunk holds one whole plane, with its channels. The store is written beside its place under
    another name and then renamed.

    Parameters
    ----------
    array : ndarray
    axes : str
        Of the array.
    path : path

    Raises
    ------
    OutputExistsError
        If there is something at the path.
    OutputError
        If the store cannot be written; nothing is left behind.
    """
    import zarr

    path = Path(path)
    chunks = tuple(1 if a in "tz" else n for a, n in zip(axes, array.shape, strict=True))
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        zarr.create_array(str(partial), data=array, chunks=chunks)
        refuse_existing(path)
        partial.rename(path)
    except OutputExistsError:
        raise
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return zarr.open_array(str(path), mode="r")
