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
    """Return the three figures, a line each, by dimension."""
    lines = []
    for name, total, parts in _figures(result):
        named = ", ".join(f"{title} {part}" for title, part in zip(_PLURALS, parts, strict=False))
        lines.append(f"{name}: {total} ({named})")
    return "\n".join(lines)


def figures_as_sums(result: Result) -> str:
    """Return the three figures as sums over the dimensions, as rich text for a narrow place."""
    names = " + ".join(_PLURALS[: len(_any(result).dimensions)])
    lines = [f'<span style="color: #9aa2ad;">all = {names}</span>']
    for name, total, parts in _figures(result):
        lines.append(f"{name}: <b>{total}</b> = {' + '.join(parts)}")
    return "<br>".join(lines)


def _figures(result: Result) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return name with its convention, total and parts of each figure."""
    matching = _any(result)
    at = f"{matching.settings.threshold:g}"
    losses = [f"{dimension.loss:.3g}" for dimension in matching.dimensions]
    error, numbers = matching.matching_error, matching.betti_number_error
    return [
        ("Betti matching loss", f"{matching.loss:.3g}", tuple(losses)),
        (f"Matching error at {at}", str(error.total), tuple(map(str, error.by_dimension))),
        (f"Betti number error at {at}", str(numbers.total), tuple(map(str, numbers.by_dimension))),
    ]


def _any(result: Any) -> Any:
    return result
