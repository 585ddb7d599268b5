"""The configuration of MERLIN; torch-free, so that forms and commands open at once."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from napari_lossviz.core.config import MethodConfig, Metric, setting

GRID = 32
"""The network halves an image five times: tiles start at multiples of this and are as long."""

Sensor = Literal["spotlight", "stripmap", "sentinel_tops"]


class MerlinConfig(MethodConfig):
    """Settings of MERLIN (arXiv 2110.13148).

    The plain constructor applies a pretrained network; `fine_tune`, `best` and `from_scratch` train
    on the image itself first.
    """

    method: ClassVar[str] = "merlin"
    reads: ClassVar[tuple[str, ...]] = ("weights",)
    metrics: ClassVar[Mapping[str, Metric]] = {
        "dependence_before": Metric("dependence of real and imaginary part"),
        "dependence_after": Metric("dependence after centring or deramping"),
        "training_steps": Metric("training steps"),
        "training_best_step": Metric("best training step"),
        "training_validation_at_start": Metric("held-out loss at the start"),
        "training_validation_best": Metric("held-out loss, best"),
    }

    weights: Sensor | str = setting(
        "spotlight",
        "Network to start from: pretrained on TerraSAR-X spotlight or stripmap or on Sentinel-1 "
        "TOPS images, or a file of your own (.safetensors, .pth).",
        advanced=False,
        file_kinds="Weights (*.safetensors *.pth *.pt)",
    )
    training: Literal["none", "fine_tune", "from_scratch"] = setting(
        "none",
        "Whether the network is trained on this image before it is applied: not at all, starting "
        "from the weights, or from random weights.",
        advanced=False,
    )
    symmetrise: bool = setting(
        True,
        "Centre the spectrum on zero in azimuth and range first, without which the two parts are "
        "not independent; TOPS bursts with their annotation are deramped instead.",
        advanced=False,
    )
    centring: Literal["image", "blocks"] = setting(
        "image",
        "Centre with one shift for the whole image, or follow a Doppler centroid that drifts along "
        "azimuth, block by block.",
    )
    precision: Literal["float32", "fast"] = setting(
        "float32",
        "'float32' is exact; 'fast' computes most layers in bfloat16 where the processor has it, "
        "which differs by some 0.02 in the logarithm of the reflectivity.",
        advanced=False,
    )
    sensor: Sensor | Literal["auto"] = setting(
        "auto",
        "Whose intensity normalisation a weights file uses; 'auto' takes what the file says.",
    )
    scale: float = setting(
        1.0,
        "Factor that brings the values to the digital numbers that the weights expect; the result "
        "is divided by it again.",
        gt=0,
    )
    tile: int = setting(384, "Side of the tiles.", unit="px", ge=64, le=4096)
    overlap: int = setting(
        32, "Overlap of neighbouring tiles, over which they blend.", unit="px", ge=0, le=512
    )
    rotations: int = setting(
        1,
        "Estimates averaged in all, each from another rotation of the complex phase, which gives "
        "other real and imaginary parts of the same image; time grows with it.",
        ge=1,
        le=8,
    )
    check_statistics: bool = setting(
        True, "Test whether real and imaginary parts are independent, and warn where they are not."
    )
    steps: int = setting(400, "Training: optimisation steps.", ge=1, le=1_000_000)
    learning_rate: float = setting(
        4e-4, "Training: peak rate of the one-cycle schedule of Adam.", gt=0, le=1
    )
    crop: int = setting(128, "Training: side of the random crops.", unit="px", ge=32, le=1024)
    batch: int = setting(4, "Training: crops in a step.", ge=1, le=256)
    gradient_clip: float = setting(
        5.0, "Training: largest norm of the gradient of a step.", gt=0, le=1e6
    )
    validation: float = setting(
        0.1,
        "Training: share of the image, in blocks, that is never trained on and that judges the "
        "network.",
        ge=0.02,
        le=0.5,
    )
    patience: int = setting(
        10,
        "Training: stop after so many validations without a better one.",
        ge=1,
        le=1000,
    )
    validate_every: int = setting(50, "Training: steps between two validations.", ge=1, le=100_000)
    checkpoint: str = setting(
        "",
        "Training: file (.safetensors) that keeps the best weights with a model card, and beside "
        "it the state from which a stopped training goes on; empty for none.",
    )
    seed: int = setting(0, "Seed of weights, crops and validation blocks.", ge=0, le=2**32 - 1)
    device: str = setting(
        "auto", "cpu, cuda, cuda:N or mps; 'auto' takes the fastest there is.", advanced=False
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("tile", "overlap", "crop"):
            value = getattr(self, name)
            if value % GRID:
                raise ValueError(
                    f"{name} must be a multiple of {GRID}, such as {max(value // GRID, 1) * GRID}, "
                    f"got {value}"
                )
        if self.overlap > self.tile // 2:
            raise ValueError(
                f"overlap ({self.overlap}) must be at most half of tile ({self.tile}): lower it, "
                "or raise tile"
            )
        if not self.weights.strip():
            raise ValueError("weights must name a pretrained network or a file")
        return self

    @classmethod
    def fast(cls) -> Self:
        """Return the pretrained network in reduced precision, where the processor has it."""
        return cls(precision="fast")

    @classmethod
    def fine_tune(cls) -> Self:
        """Return a short training on the image itself, about a minute or two on two cores."""
        return cls(training="fine_tune", precision="fast")

    @classmethod
    def best(cls) -> Self:
        """Return the highest quality: a long training on the image itself, two phase rotations."""
        return cls(training="fine_tune", precision="fast", steps=3000, rotations=2)

    @classmethod
    def from_scratch(cls) -> Self:
        """Return a training from random weights, for a sensor without a pretrained network."""
        return cls(training="from_scratch", precision="fast", steps=6000, learning_rate=1e-3)

    @classmethod
    def paper(cls) -> Self:
        """Return the published network as published: 256 patches in float32."""
        return cls(tile=256, batch=12, crop=256, learning_rate=1e-3)
