"""The reader that napari calls for a dropped or opened file, folder or list of them."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from napari_lossviz import io
from napari_lossviz.core import Image, LossvizError
from napari_lossviz.io.dicom_files import has_magic_word, parses_as_dicom
from napari_lossviz.io.measurements import ProductPart
from napari_lossviz.io.products import measurements_in
from napari_lossviz.io.read import find_files
from napari_lossviz.io.registry import find_by_content
from napari_lossviz.io.safe import burst_selection
from napari_lossviz.io.sar_product import SAR_KEY
from napari_lossviz.jobs.selection import select
from napari_lossviz.ui.layers import LayerData, image_layer
from napari_lossviz.ui.reader_preference import offer_once
from napari_lossviz.ui.window import main_window

Paths = str | Sequence[str]
Reader = Callable[[Paths], list[LayerData]]

# A file so named is meant for us: if it is broken, our error says more than a refusal.
_OUR_SUFFIXES = (
    *(".dcm", ".dicom", ".dic", ".dc3", ".ima", ".nii", ".nii.gz", ".nrrd", ".nhdr"),
    *(".cos", ".ntf", ".nitf"),
)

# Others read such files too; an empty one is refused by each, in words that tell nothing.
_SHARED_SUFFIXES = (".tif", ".tiff", ".npy", ".zip", ".img")

_LOOKED_AT = 1000  # files of a folder in which not one is ours


def get_reader(path: Paths) -> Reader | None:
    """Return the function that reads `path`, or None if nothing in it is ours.

    Parameters
    ----------
    path : str or list of str
        Files and folders; a list is read together. The content decides, not the name.
    """
    paths = [Path(one) for one in _as_list(path)]
    ours = any(_is_ours(one) or _is_empty(one) for one in paths)
    return read_layers if ours else None


def read_layers(path: Paths) -> list[LayerData]:
    """Read `path` and return one layer for each volume.

    What is odd about the files is told in one notification. In a window, a file that cannot be
    read is told in a notification too, and no layer is added.

    Raises
    ------
    LossvizError
        Without a window, if nothing could be read.
    """
    from napari.utils.notifications import show_error

    paths = _as_list(path)
    part: ProductPart | None = ProductPart()
    if main_window() is not None:
        part = _ask_which_part(paths)
    if part is None:
        return [(None,)]  # type: ignore[list-item]  # see below
    try:
        images = io.read(paths, measurements=part.choice)
    except LossvizError as error:
        if main_window() is None:
            raise
        # Raised, it would reach the user without its text, below a chooser of other readers.
        show_error(str(error))
        return [(None,)]  # type: ignore[list-item]  # napari's mark for "read, but no layer"
    layers = layers_of(images, part.bursts)
    if any(image.origin.format == "dicom" for image in images):
        offer_once()
    return layers


def add_together(viewer: Any, paths: Sequence[Path]) -> None:
    """Read files together, as slices of one series have to be, and add what they hold.

    Parameters
    ----------
    viewer : napari.Viewer
    paths : sequence of Path
    """
    from napari.layers import Layer

    for data in read_layers([str(path) for path in paths]):
        if data[0] is not None:
            viewer.add_layer(Layer.create(*data))


def layers_of(images: list[Image], bursts: tuple[int, int] | None = None) -> list[LayerData]:
    """Return the layers of images, and show their warnings in one notification.

    Parameters
    ----------
    images : list of Image
    bursts : (int, int), optional
        First and last burst, counted from 1, of the images that have bursts.
    """
    from napari.utils.notifications import show_warning

    sentences = _warnings(images)
    if sentences:
        show_warning("\n".join(sentences))
    return [_layer_of(image, bursts) for image in images]


def _layer_of(image: Image, bursts: tuple[int, int] | None) -> LayerData:
    product = image.metadata.get(SAR_KEY)
    if bursts is None or product is None or product.tops is None:
        return image_layer(image)
    there = len(product.tops.bursts)  # swaths of one product differ in it
    first, last = (min(number, there) for number in bursts)
    selection = burst_selection(image, first - 1, last - first + 1)
    which = f"burst {first}" if first == last else f"bursts {first} to {last}"
    part = select(image, selection).replace(name=f"{image.name} {which}")
    return image_layer(part, selection=selection)


def _ask_which_part(paths: list[str]) -> ProductPart | None:
    """Return which part of a Sentinel-1 product the user wants; None: to open nothing."""
    measurements = measurements_in(paths)
    if len(measurements) < 2:
        return ProductPart()
    from napari_lossviz.ui.product_dialog import ProductDialog

    dialog = ProductDialog(measurements, main_window())
    return dialog.part() if dialog.exec() else None


def _warnings(images: list[Image]) -> list[str]:
    """Return every warning once; one that not all images share is preceded by its image's name."""
    sentences: dict[str, None] = {}
    for image in images:
        for warning in image.warnings:
            shared = all(warning in other.warnings for other in images)
            named = shared or warning.startswith(image.name)
            sentences[warning if named else f"{image.name}: {warning}"] = None
    return list(sentences)


def _as_list(path: Paths) -> list[str]:
    return [path] if isinstance(path, str) else list(path)


def _is_empty(path: Path) -> bool:
    """Whether this is an image file of no bytes: no reader can do more than say so."""
    try:
        named = path.suffix.lower() in _SHARED_SUFFIXES
        return named and path.is_file() and path.stat().st_size == 0
    except OSError:
        return False


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return any(_is_ours(file) for file in islice(find_files(path), _LOOKED_AT))
    if path.name.lower().endswith(_OUR_SUFFIXES):
        return True
    try:
        if not path.is_file():  # opening a pipe would wait for its other end
            return False
        known = find_by_content(path)
        ours = known is not None and not known.only_named
        return ours or has_magic_word(path) or parses_as_dicom(path)
    except OSError:
        return False
    except LossvizError:
        return True  # a package is missing: reading says which
