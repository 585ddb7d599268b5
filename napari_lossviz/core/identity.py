"""Where the patient's identity is told, and sentences without it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from napari_lossviz.core.image import Image

NAMELESS = "image"
"""What an image is called where its name may tell the patient."""


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
    text: str, paths: Sequence[Path], names: Iterable[str], stem: str = NAMELESS
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
    said = {str(path): f"file {n} of {len(paths)}" for n, path in enumerate(paths, 1)}
    said |= {path.name: f"file {n} of {len(paths)}" for n, path in enumerate(paths, 1)}
    said |= {str(folder): "its folder" for path in paths for folder in list(path.parents)[:-1]}
    said |= {name: stem for name in names if name != stem}
    # the longest first: a path holds its folder's
    for name in sorted((one for one in said if len(one) > 2), key=len, reverse=True):
        text = text.replace(name, said[name])
    return text
