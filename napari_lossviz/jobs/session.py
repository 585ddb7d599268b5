"""What a session holds, and the same without what may tell a patient."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from napari_lossviz.core import Image, Recipe, Result, Selection, came_from_dicom
from napari_lossviz.core.identity import NAMELESS
from napari_lossviz.io.recipes import without_places
from napari_lossviz.io.write import check_identity
from napari_lossviz.jobs.run_record import RunRecord, record_of

_LONGEST = 60


@dataclass(frozen=True, eq=False)
class SessionLayer:
    """An image or labels layer.

    Attributes
    ----------
    name : str
    image : Image
    labels : bool
    what : str
        What a method called it ("denoised"), without the name of its source.
    """

    name: str
    image: Image
    labels: bool = False
    what: str = ""


@dataclass(frozen=True, eq=False)
class SessionResult:
    """A run of the session.

    Attributes
    ----------
    record : RunRecord
    make : callable, optional
        Returns its result with the edits it has; None where its images are gone.
    inputs : tuple of Image
        Of the result.
    selection : Selection
        The part of the files that was used.
    recipe : Recipe, optional
        Of a run that was saved: what it says of the computation holds.
    """

    record: RunRecord
    make: Callable[[], Result] | None = None
    inputs: tuple[Image, ...] = ()
    selection: Selection = field(default_factory=Selection)
    recipe: Recipe | None = None


@dataclass(frozen=True, eq=False)
class Session:
    """Layers and runs, in the order in which they came."""

    layers: tuple[SessionLayer, ...] = ()
    runs: tuple[SessionResult, ...] = ()


def session_of(results: Iterable[Result]) -> Session:
    """Return the session of some results, without any window: their inputs and all their images."""
    layers: dict[int, SessionLayer] = {}
    runs = []
    for number, result in enumerate(results, 1):
        for image in result.inputs():
            layers[id(image)] = SessionLayer(image.name, image)
        main, what = result.main_image(), next(iter(result.images())).name
        layers[id(result)] = SessionLayer(main.name, main, what=what)
        record = record_of(result, f"{number}. {main.name}")
        runs.append(SessionResult(record, lambda one=result: one, result.inputs()))  # type: ignore[misc]
    return Session(tuple(layers.values()), tuple(runs))


def without_identity(session: Session) -> Session:
    """Return the same under names that tell nothing, where an image came from DICOM.

    Raises
    ------
    InputError
        If pixels show the patient's identity, by their header.
    """
    images = [one.image for one in session.layers]
    images += [image for run in session.runs for image in run.inputs]
    for image in images:
        check_identity(image)
    told = {image.name for image in images if came_from_dicom(image)}
    told |= {one.name for one in session.layers if came_from_dicom(one.image)}
    told |= {name for run in session.runs if run.record.dicom for name in run.record.inputs}
    told -= {"", NAMELESS}
    layers = tuple(_nameless_layer(one, told) for one in session.layers)
    return Session(layers, tuple(_nameless_run(run, told) for run in session.runs))


def nameless_image(image: Image) -> Image:
    """Return an image whose name, files and warnings tell nothing; other headers stay."""
    origin = replace(image.origin, paths=(), series_uid="", guarded=image.origin.never_overwritten)
    return image.replace(name=NAMELESS, origin=origin, warnings=())


def plain(name: str) -> str:
    """Return a name as a part of a path."""
    return re.sub(r"[^\w-]+", "_", name).strip("_")[:_LONGEST] or NAMELESS


def _nameless_layer(layer: SessionLayer, told: set[str]) -> SessionLayer:
    if not came_from_dicom(layer.image):
        # what another plugin made of a DICOM layer is known by its name alone
        named = any(name in layer.name for name in told)
        return replace(layer, name=NAMELESS) if named else layer
    name = f"{NAMELESS} {layer.what}".rstrip()  # what the user called it may tell as much
    return replace(layer, name=name, image=nameless_image(layer.image).replace(name=name))


def _nameless_run(run: SessionResult, told: set[str]) -> SessionResult:
    record = run.record
    names = (record.name, *record.inputs, *(image.name for image in run.inputs))
    # what another plugin made of a DICOM layer is known by its name alone
    if not record.dicom and not any(name in one for name in told for one in names):
        return run
    number = record.name.partition(". ")[0] if ". " in record.name else ""
    warnings: tuple[str, ...] = ()
    if record.warnings:
        count = len(record.warnings)
        warnings = (f"{count} warning(s) of this run are left out: they may name files.",)
    shown = replace(
        record,
        name=f"{number}. {NAMELESS} ({record.title})".removeprefix(". "),
        inputs=(NAMELESS,) * len(record.inputs),
        settings=without_places(record.settings),
        warnings=warnings,
        recipe=None,
        dicom=True,
    )
    return replace(run, record=shown)
