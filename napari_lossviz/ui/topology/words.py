"""The figures of a matching in words that cannot be confused."""

from typing import Any

from napari_lossviz.core import Result

_PLURALS = ("components", "loops", "cavities")

CONVENTIONS = (
    "<p><b>Betti matching loss</b>: on the values as they are; finite features; twice the squared "
    "difference of births and deaths of matches, and the squared persistence of false and missed "
    "ones. Noise counts by its persistence.</p>"
    "<p><b>Matching error</b>: the published evaluation. Both images cut at the threshold and put "
    "into a frame of foreground; each false and each missed feature counts 1: a displaced blob "
    "counts 2.</p>"
    "<p><b>Betti number error</b>: both cut at the threshold, no frame; difference of the numbers "
    "of features, wherever they lie.</p>"
)


def figures_in_short(result: Result) -> str:
    """Return the three figures in one line each, by dimension."""
    any_result: Any = result
    at = f"{any_result.settings.threshold:g}"
    losses = [dimension.loss for dimension in any_result.dimensions]
    error, numbers = any_result.matching_error, any_result.betti_number_error
    return "\n".join(
        (
            f"Betti matching loss (values): {any_result.loss:.4g} ({_by(losses, '.3g')})",
            f"Matching error (masks at {at}, framed): {error.total} ({_by(error.by_dimension)})",
            f"Betti number error (masks at {at}): {numbers.total} ({_by(numbers.by_dimension)})",
        )
    )


def _by(values: Any, form: str = "d") -> str:
    return ", ".join(
        f"{format(value, form)} {name}" for value, name in zip(values, _PLURALS, strict=False)
    )
