"""What a method's dock tells the panels that all methods share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from napari_lossviz.core import Image, Result
from napari_lossviz.ui.export_formats import VOLUMES, ExportFormats


@dataclass(frozen=True)
class PanelSettings:
    """What a method's dock tells its run panel.

    Attributes
    ----------
    sentences : mapping of str to str
        About each preset.
    preselected : str
        Name of the preset that is chosen at first; empty: the default.
    leave_out : tuple of str
        Fields of the configuration that the preset alone decides.
    instant : str
        Name of a torch-free preset that is shown at once for every image; empty: none.
    told : tuple of str
        Fields that the names of a run's layers tell where they differ from the preset.
    watched_slice : callable
        Index along t and z of the slice of an image that a run reports.
    figures : callable
        What is said of a result in a line.
    formats : ExportFormats
        What an export offers.
    accepts : callable
        Whether the method can use an image at all: selecting another one chooses no input.
    refusal : callable
        Why an image that was opened is none that the method can use, for the user; empty: it is.
    titles : tuple of str
        What the method calls its images.
    kinds : tuple of str
        Kinds of layers that may be inputs: "image", "labels".
    repeatable : bool
        Whether the same images and settings give the same result, so that it need not be computed
        again.
    reads : str
        Which files are meant for the method, for the tooltip of where they are dropped.
    """

    sentences: Mapping[str, str]
    preselected: str = ""
    leave_out: tuple[str, ...] = ()
    instant: str = ""
    told: tuple[str, ...] = ()
    watched_slice: Callable[[Image], tuple[int, ...]] = lambda image: ()
    figures: Callable[[Result], str] = field(default=lambda result: "")
    formats: ExportFormats = VOLUMES
    accepts: Callable[[Image], bool] = lambda image: True
    refusal: Callable[[Image], str] = lambda image: ""
    titles: tuple[str, ...] = ("Image",)
    kinds: tuple[str, ...] = ("image",)
    repeatable: bool = False
    reads: str = "CT series (DICOM files or a folder), TIFF, NIfTI, NRRD or NumPy files"
