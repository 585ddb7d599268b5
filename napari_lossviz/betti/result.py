"""What a matching returns; torch-free, so that it travels to the window as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.betti.config import BettiConfig
from napari_lossviz.betti.evaluation import BettiNumberError, MatchingError, foreground_of
from napari_lossviz.betti.features import FALSE, MATCHED, Features, features_of
from napari_lossviz.betti.gradient import gradient_map
from napari_lossviz.betti.intervals import DimensionMatching, Intervals, Kind
from napari_lossviz.betti.painting import paint_features
from napari_lossviz.betti.reference import ARXIV
from napari_lossviz.betti.representatives import Part, Representative, representative_of
from napari_lossviz.betti.sides import FeaturesOfSide, Side, features_of_side
from napari_lossviz.core import InputError, NamedImage, PairResult, Reporter


@dataclass(frozen=True, eq=False, kw_only=True)
class BettiMatching(PairResult):
    """Matched, false and missed features of a prediction and its target.

    Attributes
    ----------
    target_image : Image
        The target; `source` is the prediction.
    prediction, target : ndarray
        The values that were compared: labels as masks, invalid pixels as background.
    dimensions : tuple of DimensionMatching
        Components, loops, and in 3D cavities.
    matching_error : MatchingError
        The published evaluation at ``config.threshold``.
    betti_number_error : BettiNumberError
        At ``config.threshold``.
    """

    method: ClassVar[str] = "betti"

    prediction: NDArray[Any]
    target: NDArray[Any]
    dimensions: tuple[DimensionMatching, ...]
    matching_error: MatchingError
    betti_number_error: BettiNumberError

    @property
    def settings(self) -> BettiConfig:
        """The configuration, with its type."""
        assert isinstance(self.config, BettiConfig)
        return self.config

    @property
    def masks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Foreground of prediction and target at the threshold."""
        threshold, filtration = self.settings.threshold, self.settings.filtration
        return (
            foreground_of(self.prediction, threshold, filtration),
            foreground_of(self.target, threshold, filtration),
        )

    @property
    def loss(self) -> float:
        """The Betti matching loss: 2 sum((b - b')^2 + (d - d')^2) + sum((b - d)^2).

        The first sum is over matches, the second over unmatched intervals of both; finite
        intervals of the images as they are, all dimensions with weight 1.
        """
        return sum(dimension.loss for dimension in self.dimensions)

    def features(self, minimal_persistence: float | None = None) -> Features:
        """Return all features as a table, from high to low persistence.

        Parameters
        ----------
        minimal_persistence : float, optional
            Features below are left out; default: that of the configuration.
        """
        least = self.settings.minimal_persistence
        least = least if minimal_persistence is None else minimal_persistence
        return features_of(self.dimensions, self.prediction.shape, least)

    def side(self, table: Features, side: Side) -> FeaturesOfSide:
        """Return the rows of a table that one image has, with its births, deaths and places."""
        return features_of_side(table, self.dimensions, self.prediction.shape, side)

    def kind_of(self, table: Features, row: int, side: Side) -> Kind | None:
        """Return the list that holds a row of a table as one image has it; None: it has not."""
        status, listed = int(table.status[row]), int(table.listed[row])
        if status != MATCHED and (status == FALSE) != (side == "prediction"):
            return None
        names: dict[tuple[bool, Side], Kind] = {
            (True, "prediction"): "matched_prediction",
            (True, "target"): "matched_target",
            (False, "prediction"): "unmatched_prediction",
            (False, "target"): "unmatched_target",
        }
        return names[listed == MATCHED, side]

    def gradient(self) -> NDArray[np.float64]:
        """Return the derivative of the loss by each pixel of the prediction."""
        return gradient_map(self.dimensions, self.prediction.shape)

    def intervals(self, d: int, kind: Kind) -> Intervals:
        """Return the intervals of one dimension and kind."""
        if not 0 <= d < len(self.dimensions):
            raise InputError(f"dimension {d}: there are 0 to {len(self.dimensions) - 1}")
        found: Intervals = getattr(self.dimensions[d], kind)
        return found

    def representative(
        self,
        d: int,
        kind: Kind,
        index: int,
        *,
        level: float | None = None,
        part: Part = "outline",
        reporter: Reporter | None = None,
    ) -> NDArray[np.intp]:
        """Return pixels that show one feature; one of many possible choices.

        A component is its pixels. What is a hole (a loop in 2D, a cavity in 3D) is the foreground
        around it, or with ``part="inside"`` its pixels. A loop in 3D is a short closed path.

        Parameters
        ----------
        d : int
            Dimension.
        kind : str
            "matched_prediction", "matched_target", "unmatched_prediction" or "unmatched_target".
        index : int
            Position in that list.
        level : float, optional
            Value at which the image is cut, between birth and death; default: half-way.
        part : "outline" or "inside"
        reporter : Reporter, optional
            Called several times a second while a loop of a volume is looked for, which takes
            seconds in a large one; may raise `Cancelled`.

        Returns
        -------
        (M, axes) integer ndarray
            Coordinates; of a loop in 3D in the order of the path.

        Raises
        ------
        InputError
            If there is no such feature, or the level does not lie between its birth and death.
        """
        found = self.represent(d, kind, index, level=level, part=part, reporter=reporter)
        return found.coordinates

    def represent(
        self,
        d: int,
        kind: Kind,
        index: int,
        *,
        level: float | None = None,
        part: Part = "outline",
        reporter: Reporter | None = None,
    ) -> Representative:
        """Return a representative with its level and its label; see `representative`."""
        intervals = self.intervals(d, kind)
        if not 0 <= index < len(intervals):
            raise InputError(
                f"{kind} of dimension {d} holds {len(intervals)} features, not {index}"
            )
        image = self.prediction if kind.endswith("prediction") else self.target
        other = self.target if kind.endswith("prediction") else self.prediction
        return representative_of(
            image, other, intervals.take(np.array([index])), d, self.settings, level, part, reporter
        )

    def images(self) -> Iterator[NamedImage]:
        """Yield the loss's gradient, and the listed features of both images as labels."""
        yield NamedImage("gradient", self.gradient().astype(np.float32), "gradient")
        table = self.features()
        for name, image in (("prediction", self.prediction), ("target", self.target)):
            labels = paint_features(table, self.dimensions, image, name, self.settings)
            yield NamedImage(f"features {name}", labels, "labels")

    def with_minimal_persistence(self, least: float) -> "BettiMatching":
        """Return the same matching that lists the features from another persistence on."""
        config = self.settings.replace(minimal_persistence=least)
        counts = self.features(least).counts()
        return replace(self, config=config, metrics={**self.metrics, **counts})

    def with_metrics(self, metrics: Mapping[str, float]) -> "BettiMatching":
        """Return a copy with these figures."""
        return replace(self, metrics=dict(metrics))

    def describe(self) -> str:
        """Return method, paper and the figures that matter in one line."""
        config = self.settings
        relative = ", relative" if config.relative else ""
        return (
            f"Betti matching (arXiv:{', arXiv:'.join(ARXIV)}), {config.filtration} filtration, "
            f"{config.construction}-construction{relative}: loss {self.loss:.6g}, matching error "
            f"{self.matching_error.total} and Betti number error "
            f"{self.betti_number_error.total} at {config.threshold:g}"
        )
