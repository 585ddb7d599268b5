"""What an output name on the command line means."""

import re
from collections.abc import Sequence
from pathlib import Path

from napari_lossviz.core import Identity, Image, OutputError
from napari_lossviz.io.atomic import full_suffix
from napari_lossviz.io.write import FILE_SUFFIXES


def is_file_name(output: str) -> bool:
    """Whether an output names a file; else it names a folder.

    Raises
    ------
    OutputError
        If it looks like a file of a kind that is not written.
    """
    path = Path(output)
    if output.endswith(("/", "\\")) or path.is_dir() or not path.suffix:
        return False
    if full_suffix(path) in FILE_SUFFIXES:
        return True
    if path.suffix[1:].isalpha():
        raise OutputError(
            f"{output}: cannot write {path.suffix} files; use one of {', '.join(FILE_SUFFIXES)}, "
            "or end the name with a slash to mean a folder"
        )
    return False


def subfolder_names(images: Sequence[Image], identity: Identity = Identity.HEADERS) -> list[str]:
    """Return a folder name for each image: its name, made safe for every system, and unique.

    A number where the name is the series' description, which may tell the patient.
    """
    if identity.hides(*images):
        return [f"volume_{number}" for number in range(1, len(images) + 1)]
    names: list[str] = []
    for image in images:
        safe = re.sub(r"[^\w.-]+", "_", image.name).strip("._") or "image"
        name, n = safe, 2
        while name.lower() in (taken.lower() for taken in names):
            name, n = f"{safe}_{n}", n + 1
        names.append(name)
    return names
