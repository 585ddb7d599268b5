"""Which of a recipe's edits fit an image: what was painted belongs to its rows and columns."""

from collections import Counter
from collections.abc import Sequence

from napari_lossviz.core import Edit, Image, Recipe, Region, Stroke
from napari_lossviz.core.replay import edit_box


def painted_size(recipe: Recipe) -> tuple[int, int] | None:
    """Return rows and columns of what a recipe's edits were painted on; None: it does not say."""
    if not recipe.inputs:
        return None
    first = recipe.inputs[0]
    return _size(first.axes, first.shape)


def fitting_edits(
    edits: Sequence[Edit], painted_on: tuple[int, int] | None, image: Image
) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
    """Return the edits that fit an image, and sentences on those that do not.

    Strokes and regions fit an image with as many rows and columns as the one that they were painted
    on, and edits of some slices one that has any of these.

    Parameters
    ----------
    edits : sequence of Edit
    painted_on : (int, int), optional
        Rows and columns; None where it is not known.
    image : Image
        The part that is used.
    """
    kept, reasons = [], Counter[str]()
    for edit in edits:
        reason = _reason_against(edit, painted_on, image)
        if reason:
            reasons[reason] += 1
        else:
            kept.append(edit)
    return tuple(kept), tuple(
        f"{count} edit{'s' if count > 1 else ''} left out: {reason}"
        for reason, count in reasons.items()
    )


def _reason_against(edit: Edit, painted_on: tuple[int, int] | None, image: Image) -> str:
    size = _size(image.axes, image.shape)
    if isinstance(edit, Stroke | Region):
        this = f"this image is {_product(size)}"
        if painted_on is not None and size != painted_on:
            return f"painted on {_product(painted_on)}, {this}"
        if edit_box(edit, size).empty:
            return f"painted beyond the border, {this}"
    depth = image.shape[image.axes.index("z")] if "z" in image.axes else 1
    if edit.slices is not None and edit.slices[0] >= depth:
        first, stop = edit.slices
        which = f"slice {first + 1}" if stop == first + 1 else f"slices {first + 1} to {stop}"
        return f"made on {which}, this image has {depth}"
    return ""


def _size(axes: str, shape: Sequence[int]) -> tuple[int, int]:
    return shape[axes.index("y")], shape[axes.index("x")]


def _product(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
