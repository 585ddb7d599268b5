"""The configuration of Filter2Noise; torch-free, so that forms and commands open at once."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from napari_lossviz.core.config import MethodConfig, Metric, setting


class Filter2NoiseConfig(MethodConfig):
    """Settings of Filter2Noise (arXiv 2504.13519).

    The plain constructor is the recommended trained default; `best` gives the highest quality and
    `instant` the quickest result, both without training; `paper` is faithful to the publication.
    """

    method: ClassVar[str] = "filter2noise"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "noise": Metric("noise", of_image=True),
        "residual": Metric("removed in flat areas", of_image=True),
        "residual_ratio": Metric("removed in flat areas / noise"),
        "intensity_low": Metric("range from", of_image=True),
        "intensity_high": Metric("range to", of_image=True),
        "h": Metric("strength h"),
        "h_automatic": Metric("strength h, automatic"),
        "noise_of_spectrum": Metric("noise by its spectrum", of_image=True),
        "noise_correlation": Metric("correlation of the noise side by side"),
        "lambda": Metric("λ"),
        "sigma_r_factor": Metric("σr ×"),
    }

    predictor: Literal["trained", "instant", "nonlocal"] = setting(
        "trained",
        "Where the sigma maps come from: a network trained on this image, at once from the "
        "image's local noise and edges, or from a guide that similar patches of the image give.",
        advanced=False,
    )
    strength: float = setting(
        1.0,
        "Weaker (below 1) or stronger (above 1) than the strength found for the image: a factor "
        "on sigma_r.",
        gt=0,
        le=10,
        advanced=False,
    )
    intensity_range: tuple[float, float] | Literal["content", "full"] = setting(
        "content",
        "Window in which the maps are predicted, in image units; the filter works on the full "
        "range. 'content' takes -160 to 240 HU for CT and percentiles otherwise, 'full' minimum "
        "to maximum.",
        advanced=False,
    )
    noise: float | None = setting(
        None,
        "Standard deviation of the noise in image units; estimated from flat pixels if not given.",
        gt=0,
    )
    flat_region: tuple[int, int, int, int] | None = setting(
        None,
        "A flat region (y0, y1, x0, x1) in pixels on which noise and residual are measured; found "
        "in the image if not given.",
    )
    h: float | Literal["auto"] = setting(
        "auto",
        "Instant and best: sigma_r is h times the noise; 'auto' chooses h for the image.",
    )
    noise_kept: float = setting(
        0.0,
        "Share of the noise that stays in the result, for those whom a result without grain "
        "misleads: so much of the input is mixed back.",
        ge=0,
        le=0.9,
    )
    sigma_residual: float | None = setting(
        2.0,
        "Best: what the filter took away is averaged over so many pixels (a Gaussian's sigma) and "
        "given back: faint structure is coarse, most noise is fine. The value of the map "
        "sigma_residual before any edit; empty gives nothing back.",
        gt=0.05,
        le=12,
        unit="px",
    )
    neighbours: int = setting(
        0,
        "Instant and best: how many slices before and after lend to each slice of a series. "
        "More noise goes; what is in one slice only loses contrast.",
        ge=0,
        le=4,
        advanced=False,
    )
    neighbour_axis: Literal["z", "t"] = setting(
        "z", "Axis along which neighbours lend: slices (z), or times or phases (t)."
    )
    sigma_z: float = setting(
        1.0,
        "Instant and best, with neighbours: how far they lend, in slices (or times): the value "
        "of the map sigma_z (sigma_t) before any edit.",
        gt=0,
        le=12,
    )
    lambda_: float | Literal["auto"] = setting(
        "auto",
        "Trained: weight of the edge term of the loss; 'auto' takes 40, and lowers sigma_r "
        "afterwards where the residual in flat pixels exceeds the noise.",
    )
    stages: int = setting(2, "Trained: filters in a row, each with maps of its own.", ge=1, le=4)
    steps: int = setting(200, "Trained: optimisation steps.", ge=1, le=100_000)
    crop: int | None = setting(
        96,
        "Trained: side in pixels of the random crops it trains on; empty for the full image.",
        ge=32,
        le=8192,
        unit="px",
    )
    learning_rate: float = setting(
        5e-3, "Trained: peak rate of the one-cycle schedule.", gt=0, le=1
    )
    weight_decay: float = setting(0.01, "Trained: weight decay of AdamW.", ge=0, le=1)
    start: Literal["noise", "random"] = setting(
        "noise",
        "Trained: where the maps begin: at sizes that fit the image's noise (a light first stage, "
        "a wider second one that tells neighbours apart by it), or wherever random weights put "
        "them.",
    )
    repredict_later_stages: bool = setting(
        False,
        "Trained, with edits: predict the maps of later stages anew from the edited result of the "
        "stage before, instead of keeping them.",
    )
    seed: int = setting(0, "Seed of weights and crops.", ge=0, le=2**32 - 1)
    device: str = setting(
        "auto", "cpu, cuda, cuda:N or mps; 'auto' takes the fastest there is.", advanced=False
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not isinstance(self.intensity_range, str):
            low, high = self.intensity_range
            if not (low < high and math.isfinite(high - low)):
                raise ValueError(
                    f"intensity_range ({low:g}, {high:g}) must rise from low to high, both finite"
                )
        for name in ("h", "lambda_"):
            value = getattr(self, name)
            if not isinstance(value, str) and not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be above 0 and finite, or 'auto', got {value}")
        if self.neighbours and self.predictor == "trained":
            raise ValueError(
                f"neighbours is {self.neighbours}, but the trained predictor works within slices: "
                "set neighbours to 0, or predictor to 'instant' or 'nonlocal'"
            )
        if self.noise is not None and not math.isfinite(self.noise):
            raise ValueError(f"noise must be finite, or not given, got {self.noise}")
        if self.flat_region is not None:
            y0, y1, x0, x1 = self.flat_region
            if not (0 <= y0 < y1 and 0 <= x0 < x1):
                raise ValueError(f"flat_region {self.flat_region} must be (y0, y1, x0, x1), rising")
        return self

    @classmethod
    def instant(cls) -> Self:
        """Return the preset without training: a guided, steered stage with automatic strength."""
        return cls(predictor="instant")

    @classmethod
    def best(cls) -> Self:
        """Return the preset of highest quality: one wide stage with a non-local Bayesian guide.

        What it took away is given back where it is coarse (`sigma_residual`).
        """
        return cls(predictor="nonlocal")

    @classmethod
    def paper(cls) -> Self:
        """Return the published settings: 500 full-image steps, lambda 350, minimum to maximum."""
        return cls(
            steps=500,
            crop=None,
            learning_rate=1e-3,
            lambda_=350.0,
            intensity_range="full",
            start="random",
        )
