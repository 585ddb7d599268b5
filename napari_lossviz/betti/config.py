"""The configuration of Betti matching; torch-free, so that forms and commands open at once."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ValidatorFunctionWrapHandler, field_validator

from napari_lossviz.core.config import MethodConfig, Metric, setting


class BettiConfig(MethodConfig):
    """Settings of Betti matching (arXiv 2211.15272, 2407.04683)."""

    method: ClassVar[str] = "betti"
    metrics: ClassVar[Mapping[str, Metric]] = {
        **{
            f"{name}{end}": Metric(f"{title}{which}")
            for name, title in (
                ("betti_matching_loss", "Betti matching loss"),
                ("matching_error", "matching error"),
                ("betti_number_error", "Betti number error"),
            )
            for end, which in (
                ("", ""),
                ("_dimension_0", ", components"),
                ("_dimension_1", ", loops"),
                ("_dimension_2", ", cavities"),
            )
        },
        "features_matched": Metric("matched features"),
        "features_false": Metric("false features"),
        "features_missed": Metric("missed features"),
    }

    filtration: Literal["superlevel", "sublevel"] = setting(
        "superlevel",
        "Which values come first: high ones (bright foreground) or low ones (dark foreground).",
        advanced=False,
    )
    construction: Literal["V", "T"] = setting(
        "V",
        "Which foreground pixels touch: V joins neighbours that share a side (4 in 2D, 6 in 3D), T "
        "also those that share a corner (8 in 2D, 26 in 3D).",
        advanced=False,
    )
    relative: bool = setting(
        False,
        "Put both images into a frame of foreground, so that what ends at the border counts "
        "as joined there.",
    )
    essential: bool = setting(
        False,
        "List also the component that never ends; it is always matched and no part of the loss.",
    )
    minimal_persistence: float = setting(
        0.0,
        "Features of a lower persistence count as noise: they are not listed, and what matches "
        "only such a one is false or missed. The loss counts them all the same.",
        ge=0,
        advanced=False,
    )
    threshold: float = setting(
        0.5,
        "Value from which a pixel is foreground, for the matching error and the Betti numbers.",
        advanced=False,
    )
    label: int | Literal["any"] | None = setting(
        None,
        "Label images with several classes: the label whose pixels are the foreground; any: all "
        "labels above 0, as of cells that are numbered.",
        ge=1,
        advanced=False,
    )

    @field_validator("label", mode="wrap")
    @classmethod
    def _any_has_no_bound(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        return value if value == "any" else check(value)
