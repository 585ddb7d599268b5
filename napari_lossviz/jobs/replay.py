"""Compute a result again from its recipe, and say whether it is the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from napari_lossviz.core import Identity, InputError, MethodConfig, Recipe, Reporter, Result
from napari_lossviz.io.recipes import pixel_sha256, read_recipe
from napari_lossviz.jobs.export import export
from napari_lossviz.jobs.export_images import ExportParts
from napari_lossviz.jobs.nearby_files import find_by_hash, find_by_name
from napari_lossviz.jobs.registry import Method, find_method
from napari_lossviz.jobs.replay_differences import (
    Difference,
    changed_figures,
    changed_files,
    changed_settings,
    changed_surroundings,
    compare_with_earlier,
    kind_of_device,
)
from napari_lossviz.jobs.replay_inputs import find_inputs
from napari_lossviz.jobs.run import run

_NO_REASON = (
    "input, settings, versions, processor, device and threads are those of then: the settings or "
    "the hash of the result in the recipe were altered, or the method itself was"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Replay:
    """The outcome of a replay.

    Attributes
    ----------
    result : Result
    identical : bool
        Whether the pixels are those of the recipe, bit by bit.
    difference : Difference, optional
        From the earlier result, where that lies beside the recipe; in the unit of the values. A
        DICOM has rounded values.
    notes : tuple of str
        What differs between then and now, a sentence each, the likeliest reason first.
    written : tuple of Path
        Files of the new export.
    """

    result: Result
    identical: bool
    difference: Difference | None = None
    notes: tuple[str, ...] = ()
    written: tuple[Path, ...] = ()

    @property
    def max_difference(self) -> float | None:
        """The largest difference from the earlier result; None where there is none."""
        return None if self.difference is None else self.difference.largest

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        if self.identical:
            return "identical: every pixel is that of the recipe"
        if self.difference is None:
            return "not identical, and no earlier result beside the recipe to measure by how much"
        if not self.difference.pixels:
            return (
                "not identical to what the recipe records, but to the earlier result beside it: "
                "the recipe or both were altered"
            )
        return f"not identical: {self.difference.text(self.result.source.value_unit)}"


def replay(
    recipe_path: str | Path,
    out: str | Path | None = None,
    *,
    inputs: Sequence[Path] | None = None,
    changed_inputs: bool = False,
    also_in: Sequence[Path] = (),
    overwrite: bool = False,
    identity: Identity = Identity.HEADERS,
    reporter: Reporter | None = None,
) -> Replay:
    """Compute a result again from its recipe.

    Parameters
    ----------
    recipe_path : path
    out : path, optional
        Folder for the result; None: compare only.
    inputs : sequence of Path, optional
        Where the input is now; default: where the recipe says. Where the method took several
        images, one path for each, in their order.
    changed_inputs : bool
        Whether an input whose pixels have changed is taken nevertheless, to see what it makes of
        the result.
    also_in : sequence of Path
        Folders beside the recipe's neighbourhood in which an input that the recipe does not name,
        or that is gone, is looked for by its hash.
    overwrite : bool
    identity : Identity
        As in `export`.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        If the recipe or its input cannot be read, or a file or its pixels are not those of then;
        the message names what differs.
    """
    recipe_path = Path(recipe_path)
    recipe = read_recipe(recipe_path)
    method = find_method(recipe.method)
    config = config_of(method, recipe, recipe_path)
    config = _with_checkpoint_near(config, recipe_path.parent, recipe.files)
    found = find_inputs(
        recipe,
        recipe_path,
        inputs,
        changed=changed_inputs,
        also_in=also_in,
        reporter=reporter,
    )
    image, *others = (one.image for one in found)
    result = run(
        method,
        image,
        config,
        others=others,
        edits=recipe.edits,
        threads=recipe.threads,
        reporter=reporter,
    )
    identical = pixel_sha256(result.main_image().array) == recipe.result_sha256
    difference, altered = compare_with_earlier(result, recipe, recipe_path, identical)
    written: list[Path] = []
    if out is not None:
        written = export(
            result,
            Path(out),
            parts=ExportParts.of_record(recipe.output),
            selection=recipe.selection,
            overwrite=overwrite,
            identity=identity,
        )
    reasons = (
        *(sentence for one in found for sentence in one.changes),
        *altered,
        *changed_files(recipe, config),
        *changed_settings(recipe, config),
        *changed_surroundings(recipe, result),
    )
    if not identical and not reasons:
        reasons = (_NO_REASON,)
    return Replay(
        result=result,
        identical=identical,
        difference=difference,
        notes=(*reasons, *changed_figures(recipe, result), *_of_gpus(recipe)),
        written=tuple(written),
    )


def config_of(method: Method, recipe: Recipe, path: Path) -> MethodConfig:
    """Return the settings of a recipe that was read from `path`.

    Raises
    ------
    InputError
        If they do not fit this version of the method.
    """
    try:
        config = method.load_config().model_validate(recipe.config)
    except ValidationError as error:
        complaints = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise InputError(
            f"{path}: its settings do not fit this version of {method.title}: {complaints}"
        ) from error
    # "auto" meant the device of then; on a machine with a faster one it would mean another.
    if getattr(config, "device", None) == "auto" and kind_of_device(recipe.device) == "cpu":
        config = config.replace(device="cpu")
    return config


def _with_checkpoint_near(
    config: MethodConfig, folder: Path, files: Mapping[str, str]
) -> MethodConfig:
    """Return settings whose checkpoint, if it has a name without a place, is looked for nearby.

    The file with the hash of then is taken, under any name; without one, the nearest of the name.
    """
    name = str(getattr(config, "checkpoint", ""))
    if not name or Path(name).name != name or Path(name).is_file():
        return config
    same = find_by_hash(folder, [files["checkpoint"]]) if "checkpoint" in files else None
    found = same[0] if same else find_by_name(folder, name)
    return config if found is None else config.replace(checkpoint=str(found))


def _of_gpus(recipe: Recipe) -> tuple[str, ...]:
    if kind_of_device(recipe.device) == "cpu":
        return ()
    return ("on a GPU, sums differ in their last digits from run to run",)
