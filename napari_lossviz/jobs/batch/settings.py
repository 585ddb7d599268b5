"""What a batch does with every image, and the key by which a later one knows it again."""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_lossviz import __version__
from napari_lossviz.core import (
    Edit,
    Identity,
    InputError,
    MethodConfig,
    Recipe,
    Region,
    Selection,
    Stroke,
)
from napari_lossviz.io.recipes import file_sha256
from napari_lossviz.jobs.batch.fitting_edits import painted_size
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.registry import METHODS, Method, find_method
from napari_lossviz.jobs.replay import config_of

_NOT_FOR_MANY = ("stain_training",)
_NEED_CHECKPOINT = ("stain",)
_CHECKPOINT = "checkpoint"
"""Setting that names a file, whatever its ending; others may be words that only look like one."""


@dataclass(frozen=True)
class BatchSettings:
    """A method with its settings.

    Attributes
    ----------
    method : str
        Its name in `jobs.registry`.
    config : MethodConfig
    edits : tuple of Edit
        Edits of the maps of every image.
    selection : Selection
        The part of every image that is used.
    painted_on : (int, int), optional
        Rows and columns of what the edits were painted on; None where it is not known.
    parts : ExportParts
        What is written.
    identity : Identity
        Where the patient's identity is told.
    """

    method: str
    config: MethodConfig
    edits: tuple[Edit, ...] = ()
    selection: Selection = field(default_factory=Selection)
    painted_on: tuple[int, int] | None = None
    parts: ExportParts = ExportParts()
    identity: Identity = Identity.HEADERS

    @cached_property
    def files(self) -> dict[str, str]:
        """SHA-256 of the files of weights that are read, as they were when the batch began."""
        return {name: file_sha256(path) for name, path in self.config.files_read().items()}

    def require_same_files(self) -> None:
        """Raise if a file of weights is not what it was when the batch began.

        Raises
        ------
        InputError
        """
        for name, before in self.files.items():
            path = Path(self._config_values[name])
            now = file_sha256(path) if path.is_file() else "gone"
            if now != before:
                raise InputError(
                    f"{name} {path}: the file is another one than when the batch began (SHA-256 "
                    f"{before[:12]} then, {now[:12]} now), and one batch does not mix two models: "
                    "put it back, or start the batch again"
                )

    @property
    def _config_values(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json")

    @cached_property
    def key(self) -> str:
        """SHA-256 of all that a result depends on beside its input.

        Files of weights that the configuration names (a checkpoint) count by what is in them; what
        a training writes does not.
        """
        content = {
            "version": __version__,
            "method": self.method,
            "config": self._config_values,
            "files": self.files,
            "edits": [edit.model_dump(mode="json") for edit in self.edits],
            "selection": self.selection.model_dump(mode="json"),
            "painted_on": self.painted_on,
            "output": self.parts.radar.record(self.parts.formats).model_dump(mode="json"),
            "maps": self.parts.maps,
            "identity": self.identity.value,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def batch_methods() -> list[Method]:
    """Return the methods that a batch can run."""
    return [method for method in METHODS.values() if method.name not in _NOT_FOR_MANY]


def settings_for(
    method: Method,
    config: MethodConfig,
    *,
    identity: Identity = Identity.HEADERS,
    maps: bool = True,
) -> BatchSettings:
    """Return settings, with the files that they name by their full paths.

    Parameters
    ----------
    method : Method
    config : MethodConfig
    identity : Identity
    maps : bool
        See `ExportParts`.

    Raises
    ------
    InputError
        If the method needs a checkpoint and none is named.
    """
    values = config.model_dump()
    if method.name in _NEED_CHECKPOINT and not str(values[_CHECKPOINT]).strip():
        raise InputError(
            f"{method.title}: no checkpoint chosen: name the file of a trained generator, on the "
            "command line with --checkpoint, or as checkpoint in the file of --config"
        )
    # A worker may have another working directory.
    full = {name: str(Path(value).absolute()) for name, value in _files_in(values)}
    parts = ExportParts(maps=maps)
    return BatchSettings(method.name, config.replace(**full), parts=parts, identity=identity)


def settings_of_recipe(
    recipe: Recipe,
    path: Path,
    *,
    identity: Identity = Identity.HEADERS,
    maps: bool = True,
) -> tuple[BatchSettings, str]:
    """Return the settings and edits of a recipe, and a note on the part of the image, if any.

    Edits that were painted belong to the part of the image that they were painted on: the same part
    of every image is used. Otherwise whole images are.

    Raises
    ------
    InputError
        If the recipe is of a method that no batch runs, or its settings do not fit this version.
    """
    method = find_method(recipe.method)
    if method.name in _NOT_FOR_MANY:
        raise InputError(f"{path}: {method.title} is not run over many images")
    base = settings_for(method, config_of(method, recipe, path), identity=identity)
    painted = any(
        isinstance(edit, Stroke | Region) or edit.slices is not None for edit in recipe.edits
    )
    note = ""
    if recipe.selection.ranges:
        ranges = recipe.selection.ranges.items()
        part = ", ".join(f"{axis} {start} to {stop}" for axis, (start, stop) in ranges)
        note = f"the recipe is of a part ({part}); whole images are used"
        if painted:
            note = f"the recipe's edits were painted on a part ({part}): that part is used of each"
    settings = BatchSettings(
        base.method,
        base.config,
        edits=recipe.edits,
        selection=recipe.selection if painted else Selection(),
        painted_on=painted_size(recipe),
        parts=replace(ExportParts.of_record(recipe.output), maps=maps),
        identity=identity,
    )
    return settings, note


def _files_in(config: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the settings that name a file that is there."""
    found = []
    for name, value in config.items():
        if not isinstance(value, str) or not (name == _CHECKPOINT or Path(value).suffix):
            continue
        with suppress(OSError, ValueError):  # a text that no file can have as its name
            if Path(value).is_file():
                found.append((name, value))
    return found
