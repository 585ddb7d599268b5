"""Is one model better? The answer of a report in a sentence."""

from napari_lossviz.jobs.betti_report import FIGURES, Report
from napari_lossviz.jobs.registry import find_method

_MATCHING = find_method("betti").load_config().metrics
_OVERLAP = {
    "dice": "Dice",
    "cldice": "clDice",
    "hd95": "HD95",
    "rand_error": "adapted Rand error",
    "variation_of_information": "variation of information",
}
TITLES = {name: _MATCHING[name].title if name in _MATCHING else _OVERLAP[name] for name in FIGURES}
"""Each of `FIGURES` for people."""

HIGHER_IS_BETTER = frozenset({"dice", "cldice"})

FEWEST = 6
"""Images below which nothing is claimed: even if all agree, chance alone does that in more than 5 %
of cases (2 / 2^5)."""


def verdict(report: Report, model: str, figure: str = "matching_error") -> str:
    """Say whether a model is better than the first one.

    Parameters
    ----------
    report : Report
    model : str
        Any model but the first.
    figure : str
        Of `FIGURES`.

    Returns
    -------
    str
        A sentence with the mean difference, its 95 % confidence interval (paired bootstrap over
        images) and the number of images.
    """
    first, title = report.models[0], TITLES[figure]
    found = report.differences()[model][figure]
    count = f"{found.images} image{'' if found.images == 1 else 's'}"
    compared = len(report.column(model, figure))
    if found.images < compared:
        count = f"{found.images} of {compared} images"
    if not found.images:
        return f"The {title} of both {first} and {model} is known for no image."
    if found.images < FEWEST:
        return (
            f"{count} cannot tell {model} from {first} ({FEWEST} or more are needed): in {title}, "
            f"{model} minus {first} is {found.mean:+.3g} on average."
        )
    if found.low <= 0 <= found.high:
        return (
            f"No difference between {model} and {first} can be told in {title}: {model} minus "
            f"{first} is {found.mean:+.3g} "
            f"(95 % CI {found.low:+.3g} to {found.high:+.3g}, {count})."
        )
    better, worse = first, model
    if (found.mean > 0) == (figure in HIGHER_IS_BETTER):
        better, worse = model, first
    low, high = sorted((abs(found.low), abs(found.high)))
    return (
        f"{better} is better than {worse} by {abs(found.mean):.3g} in {title} "
        f"(95 % CI {low:.3g} to {high:.3g}, {count})."
    )


def verdicts(report: Report) -> dict[str, dict[str, str]]:
    """Return the sentences of all models but the first and all figures."""
    return {
        model: {figure: verdict(report, model, figure) for figure in FIGURES}
        for model in report.models[1:]
    }
