"""Files near a recipe that are known by what is in them, since the recipe does not name them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from napari_lossviz.io.recipes import file_sha256

_DEPTH = 4
"""Folders below the one that holds the recipe's folder that are looked into."""
_MOST = 50_000
"""Files that are looked at."""


def find_by_hash(
    folder: Path,
    hashes: Sequence[str],
    sizes: Sequence[int] = (),
    also_in: Sequence[Path] = (),
) -> list[Path] | None:
    """Return the files with some hashes, in their order; None: they are not all there.

    Looked through are the recipe's folder, the one that holds it, and what lies below; the nearest
    first, files that change meanwhile are passed over.

    Parameters
    ----------
    folder : Path
        Of the recipe.
    hashes : sequence of str
        SHA-256 of each file.
    sizes : sequence of int
        Their sizes in bytes, where they are known: only files of these are read.
    also_in : sequence of Path
        Further folders, looked through last.
    """
    wanted: dict[str, list[int]] = {}
    for number, one in enumerate(hashes):
        wanted.setdefault(one, []).append(number)
    found: dict[int, Path] = {}
    for path in _files_around(folder.absolute(), also_in):
        try:
            if sizes and path.stat().st_size not in sizes:
                continue
            places = wanted.get(file_sha256(path))
        except OSError:
            continue
        if places:
            found[places.pop(0)] = path
        if len(found) == len(hashes):
            return [found[number] for number in range(len(hashes))]
    return None


def find_by_name(folder: Path, name: str) -> Path | None:
    """Return the nearest file of a name."""
    around = _files_around(folder.absolute())
    return next((path for path in around if path.name == name), None)


def _files_around(folder: Path, also_in: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield files, those of the folder itself first; no link is followed."""
    left = _MOST
    for start in (folder, folder.parent, *also_in):
        if start == start.parent:
            continue  # the whole disk is not near
        leave_out = folder if start == folder.parent else None
        for place, folders, files in os.walk(start):
            here = Path(place)
            deep = len(here.relative_to(start).parts)
            folders[:] = sorted(
                one
                for one in folders
                if deep < _DEPTH and here / one != leave_out and not one.startswith(".")
            )
            for name in sorted(files):
                left -= 1
                if left < 0:
                    return
                path = here / name
                if path.is_file() and not path.is_symlink():
                    yield path
