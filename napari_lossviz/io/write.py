"""`write`: an image or a method's result to the file format that the name stands for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from napari_lossviz.core import Identity, Image, InputError, Result, Selection
from napari_lossviz.core.identity import NAMELESS
from napari_lossviz.io import geotiff_write, png
from napari_lossviz.io.atomic import (
    atomic_folder,
    atomic_path,
    full_stem,
    full_suffix,
    readable_errors,
    refuse_existing,
    refuse_inputs,
)
from napari_lossviz.io.loss_history import has_values, losses_beside, write_losses
from napari_lossviz.io.radar_output import RadarOutput, merged_bursts, radar_output
from napari_lossviz.io.recipes import FOLDER_RECIPE, RECIPE_SUFFIX, build_recipe
from napari_lossviz.io.sar_product import SAR_KEY

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_WRITERS = {
    ".tif": "tiff",
    ".tiff": "tiff",
    ".ome.tif": "tiff",
    ".ome.tiff": "tiff",
    ".npy": "npy",
    ".png": "png",
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
}
_DICOM = (".dcm", ".dicom", ".ima")
_DIMAP = ".dim"
FILE_SUFFIXES = (*_WRITERS, *_DICOM, _DIMAP)
"""Endings of the files that `write` writes."""
_FILTERED = ("denoised", "despeckled")
"""Names of main images whose derivation is a filter's."""


@dataclass(frozen=True)
class _Job:
    """What one call writes: the image, and for a result what belongs beside it."""

    image: Image
    result: Result | None
    template: Image | None
    inputs: tuple[Path, ...]
    overwrite: bool
    identity: Identity
    selection: Selection | None
    recipe: bool
    radar: RadarOutput

    @property
    def hidden(self) -> bool:
        """Whether nothing but a DICOM header tells where the image is from."""
        inputs = () if self.result is None else self.result.inputs()
        return self.identity.hides(self.image, *inputs)

    def recipe_text(self, folder: Path, save_in: Path | None = None) -> tuple[str, list[str]]:
        """Return the recipe for a place, and the names of input copies saved along with it."""
        assert self.result is not None
        recipe = build_recipe(
            self.result,
            folder,
            selection=self.selection,
            save_in=save_in,
            hidden_copies=save_in is not None,
            without_identity=self.hidden,
            output=self.radar.record(),
        )
        copies = [one.paths[0] for one in recipe.inputs if one.saved_copy]
        return recipe.model_dump_json(indent=2) + "\n", copies

    def write_losses(self, recipe_path: Path) -> list[Path]:
        """Write the losses by step beside a recipe, where there are any."""
        place = losses_beside(recipe_path)
        refuse_inputs(place, self.inputs)
        if self.result is None or not has_values(self.result.history):
            if self.overwrite:
                place.unlink(missing_ok=True)  # of the run that is replaced
            return []
        return [write_losses(self.result.history, place, overwrite=self.overwrite)]


def write(
    image: Image | Result,
    path: str | Path,
    *,
    template: Image | str | Path | None = None,
    overwrite: bool = False,
    identity: Identity = Identity.HEADERS,
    selection: Selection | None = None,
    recipe: bool = True,
    radar: RadarOutput | None = None,
) -> list[Path]:
    """Write an image, or a result's main image with its recipe.

    Parameters
    ----------
    image : Image or Result
    path : path
        By its suffix: .tif, .tiff, .npy, .png (8-bit colours), .nii, .nii.gz, .nrrd, .dcm, .dim; a
        folder (an existing one or a name without suffix) becomes a derived DICOM series. A radar
        image in a .tif is cloud-optimized and keeps its place on the ground; .dim is a BEAM-DIMAP
        product, its rasters in a folder of the same name with .data.
    template : Image or path, optional
        A DICOM series whose headers a derived DICOM takes, where the image did not come from one.
    overwrite : bool
        Whether existing files of ours may be replaced. An input never is.
    identity : Identity
        Where the patient's identity is told.
    selection : Selection, optional
        The part of the input that was used, for the recipe.
    recipe : bool
        Whether a result's recipe is written; an export that writes one for all its files does not
        need it.
    radar : RadarOutput, optional
        What a radar amplitude is written as; default: as it is.

    Returns
    -------
    list of Path
        The files written: the main ones, then the recipe (``<stem>.recipe.json``, in a folder
        ``recipe.json``), and where the run has losses by step ``<stem>.losses.csv``, in a folder
        ``losses.csv``.

    Raises
    ------
    InputError
        If the suffix is unknown or the image cannot be written so; nothing is written.
    OutputExistsError
        If a file exists and `overwrite` is False, or it is an input.
    OutputError
        If the system refuses; nothing half-written is left.
    """
    path = Path(path)
    result = image if isinstance(image, Result) else None
    main = image.main_image() if isinstance(image, Result) else image
    example = _as_template(template, main)
    if radar is not None:
        if radar.merge_bursts and result is not None:
            main = merged_bursts(result)
        main = radar_output(main, radar, None if result is None else result.source)
    inputs = main.origin.never_overwritten
    if example is not None:
        inputs += example.origin.never_overwritten
    refuse_inputs(path, inputs)
    if identity.dropped:
        check_identity(main)
    recipe = recipe and result is not None
    job = _Job(
        main, result, example, inputs, overwrite, identity, selection, recipe,
        radar or RadarOutput(),
    )  # fmt: skip
    suffix = full_suffix(path)
    if suffix in _WRITERS:
        return _write_file(job, path, _format_writer(job, _WRITERS[suffix]))
    if suffix in _DICOM:
        return _write_file(job, path, _dicom_file_writer(job, path))
    if suffix == _DIMAP:
        return _write_dimap(job, path)
    if not path.suffix or path.is_dir():
        return _write_folder(job, path)
    raise _unknown_kind(path)


def check_file(
    image: Image,
    path: str | Path,
    *,
    overwrite: bool = False,
    radar: RadarOutput = RadarOutput(),
) -> None:
    """Refuse a file for a result of `image` before that result is computed.

    Parameters
    ----------
    image : Image
        The source; the result is of the same shape and kind.
    path : path
        As `write` takes it, of one file.
    overwrite : bool
    radar : RadarOutput
        What a radar result will be written as.

    Raises
    ------
    InputError
        If the file's kind is unknown, it is a DICOM and there is no source for one file, or it is a
        BEAM-DIMAP product and the image is none of a radar product with ground points.
    OutputExistsError
        If the file or its recipe exists and `overwrite` is False, or is an input.
    """
    path = Path(path)
    suffix = full_suffix(path)
    if suffix == ".png":
        png.refuse_other(image, path)
    if suffix in _DICOM:
        _refuse_series(path, _instance_count(image, None))
    elif suffix == _DIMAP:
        from napari_lossviz.io.dimap import refuse_other

        refuse_other(image, radar)
    elif suffix not in _WRITERS:
        raise _unknown_kind(path)
    for one in (path, _recipe_of(path), losses_beside(_recipe_of(path))):
        refuse_inputs(one, image.origin.never_overwritten)
        refuse_existing(one, overwrite)


def _unknown_kind(path: Path) -> InputError:
    return InputError(
        f"{path}: files of the kind {path.suffix!r} cannot be written; expected one of "
        f"{', '.join(FILE_SUFFIXES)}, or a name without suffix for a DICOM series in a folder"
    )


def check_identity(image: Image) -> None:
    """Refuse an image whose pixels show the patient's identity, which no format can leave out.

    Raises
    ------
    InputError
        If its DICOM header says that annotations are burned in.
    """
    for dataset in (image.metadata.get("dicom") or {}).get("datasets", ()):
        from napari_lossviz.io.dicom_identity import refuse_burned_in

        refuse_burned_in(dataset)


def _instance_count(image: Image, template: Image | None) -> int:
    from napari_lossviz.io.dicom_write import instance_count

    return instance_count(image, template)


def _refuse_series(path: Path, count: int) -> None:
    if count != 1:
        raise InputError(
            f"{path}: a series of {count} slices does not fit into one file: give a folder, that "
            f"is a name without suffix, such as {path.with_suffix('')}"
        )


def _recipe_of(path: Path) -> Path:
    return path.with_name(full_stem(path) + RECIPE_SUFFIX)


def _write_file(job: _Job, path: Path, writer: Callable[[Path], None]) -> list[Path]:
    recipe_path = _recipe_of(path)
    if not job.recipe:
        with atomic_path(path, job.overwrite) as target:
            writer(target)
        return [path]
    refuse_inputs(recipe_path, job.inputs)
    # The recipe is renamed first and the image last, so that no image lacks its recipe.
    with (
        atomic_path(path, job.overwrite) as target,
        atomic_path(recipe_path, job.overwrite) as recipe_target,
    ):
        with readable_errors(path):
            writer(target)
        text, copies = job.recipe_text(path.parent)
        recipe_target.write_text(text, "utf-8")
        losses = job.write_losses(recipe_path)
    return [path, recipe_path, *losses, *(path.with_name(name) for name in copies)]


def _write_dimap(job: _Job, path: Path) -> list[Path]:
    from napari_lossviz.io.dimap import data_folder, write_dimap

    folder = data_folder(path)
    refuse_inputs(folder, job.inputs)
    files: list[Path] = []

    def write_product(header: Path) -> None:
        # The folder comes first and the header that names it last.
        with atomic_folder(folder, job.overwrite) as temporary:
            write_dimap(job.image, header, temporary, path.stem, job.radar)
            files.extend(p.relative_to(temporary) for p in temporary.rglob("*") if p.is_file())

    written = _write_file(job, path, write_product)
    return [*written, *(folder / one for one in sorted(files))]


def _write_folder(job: _Job, folder: Path) -> list[Path]:
    from napari_lossviz.io.dicom_write import save_instance

    instances = _instances(job)
    names = []
    with atomic_folder(folder, job.overwrite) as temporary:
        for i, dataset in enumerate(instances):
            names.append(f"{i + 1:04d}.dcm")
            save_instance(dataset, temporary / names[-1])
        if job.recipe:
            text, copies = job.recipe_text(folder, save_in=temporary)
            (temporary / FOLDER_RECIPE).write_text(text, "utf-8")
            losses = job.write_losses(temporary / FOLDER_RECIPE)
            names += [FOLDER_RECIPE, *(path.name for path in losses), *copies]
    return [folder / name for name in names]


def _format_writer(job: _Job, module: str) -> Callable[[Path], None]:
    image = job.image
    if job.hidden:  # a series' description may tell the patient, a place on the ground does not
        kept = {key: image.metadata[key] for key in (SAR_KEY,) if key in image.metadata}
        image = image.replace(name=NAMELESS, metadata=kept)
    if module == "tiff" and geotiff_write.writes(image):
        module = "geotiff_write"
    written: Callable[[Image, Path], None] = import_module(f"napari_lossviz.io.{module}").write
    return lambda target: written(image, target)


def _dicom_file_writer(job: _Job, path: Path) -> Callable[[Path], None]:
    from napari_lossviz.io.dicom_write import save_instance

    _refuse_series(path, _instance_count(job.image, job.template))
    instances = _instances(job)
    return lambda target: save_instance(next(instances), target)


def _instances(job: _Job) -> Iterator["Dataset"]:
    from napari_lossviz.io.dicom_derive import Derivation
    from napari_lossviz.io.dicom_write import derived_instances

    if job.result is None:
        derivation = Derivation("Written by napari-lossviz", "derived", filtered=False)
    else:
        name = next(iter(job.result.images())).name
        filtered = any(word in name for word in _FILTERED)
        derivation = Derivation(job.result.describe(), job.result.method, filtered)
    return derived_instances(
        job.image, derivation, template=job.template, without_identity=job.identity.dropped
    )


def _as_template(template: Image | str | Path | None, image: Image) -> Image | None:
    """Return the template's volume of the image's shape, else its first one."""
    if template is None or isinstance(template, Image):
        return template
    from napari_lossviz.io.read import read

    volumes = read(template)
    fitting = [one for one in volumes if one.spatial_shape == image.spatial_shape]
    return (fitting or volumes)[0]
