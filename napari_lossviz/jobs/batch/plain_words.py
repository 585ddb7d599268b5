"""Sentences without the names of files and series, which may tell the patient."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def without_names(text: str, paths: Sequence[Path], names: Iterable[str], stem: str) -> str:
    """Return a sentence that says "file 3 of 40" for a path, and the item's stem for its names.

    Parameters
    ----------
    text : str
    paths : sequence of Path
        Files of the item.
    names : iterable of str
        Names of its images, such as a series' description.
    stem : str
    """
    said = {str(path): f"file {n} of {len(paths)}" for n, path in enumerate(paths, 1)}
    said |= {path.name: f"file {n} of {len(paths)}" for n, path in enumerate(paths, 1)}
    said |= {str(folder): "its folder" for path in paths for folder in list(path.parents)[:-1]}
    said |= {name: stem for name in names if name != stem}
    # the longest first: a path holds its folder's
    for name in sorted((one for one in said if len(one) > 2), key=len, reverse=True):
        text = text.replace(name, said[name])
    return text
