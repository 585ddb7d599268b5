"""Where the patient's identity is told, and sentences without it."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import PurePath

from napari_lossviz.core.image import Image

NAMELESS = "image"
"""What an image is called where its name may tell the patient."""

_LEAST_DIGITS = 6
"""Of a number that may be a patient's: a shorter one is a file's name only where a name stands."""


class Identity(StrEnum):
    """Where the identity of a patient is told of an image that came from DICOM.

    What tells it: names of files and folders, the series' description and its UID, and the header.
    Recipes, reports, logs, tables, pictures and names of what is written are shared by themselves;
    a derived DICOM belongs into the patient's study, and has to keep the patient and the UIDs.
    """

    HEADERS = "headers"
    """In the header of a derived DICOM, and nowhere else."""
    EVERYWHERE = "everywhere"
    """Wherever it helps: recipes name their input, results are called like it."""
    NOWHERE = "nowhere"
    """A derived DICOM is de-identified too; of images of other formats no name is told either."""

    @property
    def dropped(self) -> bool:
        """Whether headers leave it out, too."""
        return self is Identity.NOWHERE

    def hides(self, *images: Image) -> bool:
        """Whether what is written beside a DICOM header tells nothing of where images are from."""
        if self is Identity.HEADERS:
            return any(map(came_from_dicom, images))
        return self.dropped


def came_from_dicom(image: Image) -> bool:
    """Whether an image, or what it was made of, was read from DICOM."""
    origin = image.origin
    return bool(origin.series_uid or origin.format == "dicom" or image.metadata.get("dicom"))


def without_names(
    text: str, paths: Sequence[PurePath], names: Iterable[str], stem: str = NAMELESS
) -> str:
    """Return a sentence that says "file 3 of 40" for a path, and a neutral word for other names.

    Parameters
    ----------
    text : str
    paths : sequence of Path
        Files of the images.
    names : iterable of str
        Names of the images, such as a series' description.
    stem : str
        What is said for such a name.
    """
    said: dict[str, str] = {}
    for path in paths:
        said |= dict.fromkeys(map(str, list(path.parents)[:-1]), "its folder")
    for n, path in enumerate(paths, 1):
        said |= dict.fromkeys((path.name, str(path)), f"file {n} of {len(paths)}")
    said |= {name: stem for name in names if name != stem}
    # an error of the system quotes a path, in which Windows' backslashes are doubled then
    said |= {repr(name)[1:-1]: words for name, words in said.items()}
    # the longest first: a path holds its folder's; all at once, so that no word put in is replaced
    known = sorted((one for one in said if len(one) > 2 and one in text), key=len, reverse=True)
    if not known:
        return text
    return re.sub("|".join(map(_pattern, known)), lambda found: said[found[0]], text)


def _pattern(name: str) -> str:
    """Return where a name stands: files are called by numbers, too, which are figures elsewhere."""
    if not name.isdecimal():
        return re.escape(name)
    whole = rf"(?<![\d.,]){name}(?![\d%]|[.,]\d)"
    if len(name) >= _LEAST_DIGITS:
        return whole
    return rf"(?<=[/\\'\"]){whole}|^{whole}(?=:)"
