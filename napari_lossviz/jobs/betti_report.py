"""Is one model better than another? Figures of many pairs, their differences, where they differ."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_lossviz import io
from napari_lossviz.core import Image, InputError, MethodConfig, Reporter, Step, silent
from napari_lossviz.jobs.pairing import NamedPair
from napari_lossviz.jobs.run import run
from napari_lossviz.metrics import PairedDifference, paired_difference, segmentation_quality

FIGURES = (
    "matching_error",
    "betti_number_error",
    "betti_matching_loss",
    "dice",
    "cldice",
    "hd95",
    "rand_error",
    "variation_of_information",
)
"""Figures that models are compared by; of all but Dice and clDice, lower is better."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """One pair's figures.

    Attributes
    ----------
    name, model : str
    figures : dict of str to float
        All metrics of the matching, and the overlap figures.
    seconds : float
    prediction, target : str
        Paths of the files.
    warnings : tuple of str
    """

    name: str
    model: str
    figures: dict[str, float]
    seconds: float
    prediction: str
    target: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """All pairs of all models.

    Attributes
    ----------
    comparisons : tuple of Comparison
        Model by model within each image.
    notes : tuple of str
        What was left out, and why.
    """

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order given."""
        return list(dict.fromkeys(one.model for one in self.comparisons))

    def column(self, model: str, figure: str) -> list[float]:
        """Return one figure of one model, image by image."""
        return [one.figures[figure] for one in self.comparisons if one.model == model]

    def known(self, model: str, figure: str) -> int:
        """Return of how many images a figure of a model is known."""
        return int(np.isfinite(self.column(model, figure)).sum())

    def means(self) -> dict[str, dict[str, float]]:
        """Return the mean of each figure over images, by model; nan values are left out."""
        return {
            model: {figure: _mean(self.column(model, figure)) for figure in FIGURES}
            for model in self.models
        }

    def differences(self) -> dict[str, dict[str, PairedDifference]]:
        """Return, for every model but the first, its figures minus the first one's."""
        return self._differences

    @cached_property
    def _differences(self) -> dict[str, dict[str, PairedDifference]]:
        first, *others = self.models
        return {
            other: {
                figure: paired_difference(self.column(first, figure), self.column(other, figure))
                for figure in FIGURES
            }
            for other in others
        }

    def most_different(self, figure: str = "matching_error") -> list[tuple[str, float]]:
        """Return the images by falling spread of a figure over the models, without equal ones.

        Where a figure is known of some models only (HD95, if one found nothing), the spread is
        infinite: no images differ more.
        """
        values: dict[str, list[float]] = {}
        for one in self.comparisons:
            values.setdefault(one.name, []).append(one.figures[figure])
        spread = [(name, _spread(found)) for name, found in values.items()]
        return sorted(((n, s) for n, s in spread if s > 0), key=lambda pair: -pair[1])

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON; what is not known is None."""
        plain: dict[str, Any] = _without_nan(
            {
                "conventions": CONVENTIONS,
                "means": self.means(),
                "differences_to_first": {
                    model: {figure: asdict(found) for figure, found in figures.items()}
                    for model, figures in self.differences().items()
                },
                "most_different": [
                    {"image": name, "spread_of_matching_error": spread}
                    for name, spread in self.most_different()
                ],
                "images": [asdict(one) for one in self.comparisons],
                "notes": list(self.notes),
            }
        )
        return plain


CONVENTIONS = {
    "matching_error": "both binarised at the threshold and framed with foreground (relative); "
    "number of unmatched features of both; a displaced blob counts 2",
    "betti_number_error": "sum of the absolute differences of the Betti numbers of both masks, "
    "wherever features lie",
    "betti_matching_loss": "2 sum over matches ((b - b')^2 + (d - d')^2) + sum over unmatched of "
    "both (b - d)^2; finite intervals of the images as given",
    "dice": "2 |A and B| / (|A| + |B|) of both masks; 1 where both are empty",
    "cldice": "harmonic mean of the share of each mask's skeleton that lies in the other mask",
    "hd95": "95th percentile of the distances of both outlines, in the unit of the target; unknown "
    "where one mask is empty: such images are left out of its means and differences",
    "rand_error": "adapted Rand error of the partitions into components (pixels that share a "
    "side); pixels of the target that the prediction leaves out are parts of their own; unknown "
    "where the target is empty",
    "variation_of_information": "of the same partitions, in bits",
    "differences_to_first": "mean over images of the model's figure minus the first model's, with "
    "the 95 % interval of a paired bootstrap over images, for each model and figure on its own: of "
    "twenty comparisons of equal models, one interval lies beside 0 by chance",
}
"""What each of `FIGURES` counts, and what the intervals say."""


def compare_all(
    pairs: Sequence[NamedPair],
    config: MethodConfig,
    *,
    notes: Sequence[str] = (),
    reporter: Reporter | None = None,
    keep: Callable[[str, str, Any], None] | None = None,
) -> Report:
    """Match every prediction with its target.

    Parameters
    ----------
    pairs : sequence of NamedPair
    config : MethodConfig
        A `BettiConfig`.
    notes : sequence of str
        Sentences for the report.
    reporter : Reporter, optional
        One step for each prediction.
    keep : callable, optional
        Called with image name, model and each result, which is not kept otherwise.

    Raises
    ------
    InputError
        If a file cannot be read or a pair cannot be compared; the message names it.
    """
    tell = silent if reporter is None else reporter
    total = sum(len(pair.predictions) for pair in pairs)
    found = []
    for done, (pair, model) in enumerate(_order(pairs)):
        title = f"{pair.name}, {model}"
        tell(Step(done, total, message=title))
        prediction, target = (_read_one(path) for path in (pair.predictions[model], pair.target))
        try:
            result: Any = run(
                "betti",
                prediction,
                config,
                others=(target,),
                reporter=_inner(tell, done, total, title),
            )
        except InputError as error:
            raise InputError(f"{pair.predictions[model]} against {pair.target}: {error}") from error
        mask, wanted = result.masks
        quality = segmentation_quality(mask, wanted, target.spacing)
        figures = {**result.metrics, **asdict(quality)}
        files = str(pair.predictions[model]), str(pair.target)
        one = Comparison(pair.name, model, figures, result.seconds, *files, result.warnings)
        found.append(one)
        if keep is not None:
            keep(pair.name, model, result)
    tell(Step(total, total, message="done"))
    return Report(tuple(found), tuple(notes))


def _order(pairs: Sequence[NamedPair]) -> Iterator[tuple[NamedPair, str]]:
    for pair in pairs:
        for model in pair.predictions:
            yield pair, model


def _inner(tell: Reporter, done: int, total: int, title: str) -> Reporter:
    """Return a reporter for one matching: its steps let the run be stopped."""

    def report(step: Step, /) -> None:
        tell(Step(done, total, message=f"{title}: {step.message}"))

    return report


def _read_one(path: Path) -> Image:
    images = io.read(path)
    if len(images) != 1:
        raise InputError(f"{path} holds {len(images)} images; one is expected")
    return images[0]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _spread(values: Sequence[float]) -> float:
    """Return the largest minus the smallest value; infinite if only some are known."""
    known = np.isfinite(values)
    if not known.any():
        return 0.0
    return float(np.ptp(values)) if known.all() else float("inf")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
