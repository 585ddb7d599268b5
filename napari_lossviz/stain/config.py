"""The configuration of stain translation; torch-free, so that forms and commands open at once."""

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from napari_lossviz.core.config import MethodConfig, Metric, setting

GRID = 4
"""The generator halves an image twice: tiles start at multiples of this and are as long."""

_LEAST_SIDE = 3
"""Pixels that the pyramid's filter needs along each side, to be reflected beyond them."""

Schedule = Literal["lambda", "linear", "sigmoid", "zero"]
Weighting = Literal["linear", "top", "bell", "uniform"]
Statistics = Literal["kernelised", "whole_image", "fixed", "tile"]

TRANSLATION_FIELDS = (
    "checkpoint", "statistics", "kernel", "tile", "overlap", "batch_tiles", "precision",
    "background", "sensitivity", "microns_per_pixel", "seed", "device",
)  # fmt: skip
"""What counts when an image is translated; every other field, with device and seed, in training."""


class StainConfig(MethodConfig):
    """Settings of stain translation with the adaptive supervised PatchNCE loss (arXiv 2303.06193).

    One class for translating and for training; `TRANSLATION_FIELDS` names what translating reads.
    The plain constructor trains as published, and translates any size without seams.
    """

    method: ClassVar[str] = "stain"
    reads: ClassVar[tuple[str, ...]] = ("checkpoint",)
    metrics: ClassVar[Mapping[str, Metric]] = {
        "tissue_share": Metric("share of tissue"),
        "resampling": Metric("resampled ×"),
    }

    checkpoint: str = setting(
        "",
        "File of the trained generator: .safetensors of ours, or the authors' latest_net_G.pth.",
        advanced=False,
    )
    statistics: Statistics = setting(
        "kernelised",
        "Means and variances that the network normalises with: of the tissue of tiles, gliding "
        "from one to the next ('kernelised'); exactly those of the whole image; fixed ones of the "
        "training crops; or of each tile alone, which leaves seams.",
        advanced=False,
    )
    kernel: int = setting(
        1,
        "Kernelised statistics: how many steps far those of a tile reach, falling off with the "
        "distance; a step is half a tile, or less where the image is no whole number of tiles. 0: "
        "each tile keeps its own.",
        unit="steps",
        ge=0,
        le=8,
    )
    tile: int = setting(512, "Side of the tiles.", unit="px", ge=64, le=4096)
    overlap: int = setting(
        96, "Overlap of neighbouring tiles, over which they blend.", unit="px", ge=0, le=1024
    )
    batch_tiles: int = setting(1, "Tiles translated at once.", ge=1, le=64)
    precision: Literal["float32", "fast"] = setting(
        "float32",
        "'float32' is exact; 'fast' computes in bfloat16 where the processor has it, which differs "
        "by less than one grey level on average.",
        advanced=False,
    )
    background: Literal["white", "translate"] = setting(
        "white",
        "Tiles without tissue: left white at once, or translated like all others.",
    )
    sensitivity: int = setting(
        0,
        "Flips, turns and shifts of the image, translated too, whose spread becomes the "
        "augmentation sensitivity layer; 0 for none. A consistent error has no spread.",
        ge=0,
        le=16,
    )
    microns_per_pixel: float = setting(
        0.0,
        "Size of the input's pixels, where the file does not tell it or tells it wrongly; 0 takes "
        "the file's. The image is brought to the size that the checkpoint was trained at and back.",
        unit="um",
        ge=0,
        le=100,
    )
    source_stain: str = setting("H&E", "Training: stain of the source.", advanced=False)
    target_stain: str = setting("IHC", "Training: stain of the target.", advanced=False)
    epochs: int = setting(
        30, "Training: epochs at the full learning rate.", ge=0, le=10_000, advanced=False
    )
    decay_epochs: int = setting(
        10,
        "Training: epochs after these in which the learning rate falls to zero.",
        ge=0,
        le=10_000,
        advanced=False,
    )
    schedule: Schedule = setting(
        "lambda",
        "Training: when the adaptive weights take over from equal ones: in the decay epochs "
        "('lambda'), evenly ('linear'), about halfway ('sigmoid'), or never ('zero').",
        advanced=False,
    )
    weighting: Weighting = setting(
        "linear",
        "Training: how the weight of a patch grows with its cosine similarity: in proportion, "
        "on a circle's arc ('top'), for middling ones ('bell'), or not at all ('uniform').",
        advanced=False,
    )
    adversarial_weight: float = setting(
        1.0, "Training: weight of the least-squares adversarial loss.", ge=0, le=1e4
    )
    contrastive_weight: float = setting(
        10.0, "Training: weight of the contrastive loss between input and output.", ge=0, le=1e4
    )
    supervised_weight: float = setting(
        10.0,
        "Training: weight of the adaptive supervised contrastive loss between output and partner.",
        ge=0,
        le=1e4,
    )
    pyramid_weight: float = setting(
        10.0, "Training: weight of the Gaussian pyramid L1 loss.", ge=0, le=1e4
    )
    pyramid_levels: str = setting(
        "1/64, 1/32, 1/16, 1/8, 1/4, 1",
        "Training: weights of the pyramid's levels, the finest first.",
    )
    identity: bool = setting(
        True,
        "Training: also ask that an image of the target stain is left as it is; the contrastive "
        "loss is the mean of both.",
    )
    temperature: float = setting(
        0.07, "Training: temperature of the contrastive losses.", gt=0, le=10
    )
    patches: int = setting(256, "Training: patches drawn at each layer.", ge=2, le=4096)
    patch_features: int = setting(
        256, "Training: length of a patch's feature vector.", ge=2, le=2048
    )
    layers: str = setting(
        "0, 4, 8, 12, 16",
        "Training: encoder layers that the contrastive losses read, numbered as in the authors' "
        "checkpoints (0 input, 4 and 8 convolutions, 12 to 17 residual blocks).",
    )
    generator_channels: int = setting(
        64, "Training: channels of the generator's first layer.", ge=4, le=256
    )
    residual_blocks: int = setting(6, "Training: residual blocks of the generator.", ge=1, le=18)
    discriminator_channels: int = setting(
        32, "Training: channels of the discriminator's first layer.", ge=4, le=256
    )
    discriminator_layers: int = setting(
        5, "Training: halvings in the discriminator; fewer for small crops.", ge=1, le=6
    )
    learning_rate: float = setting(2e-4, "Training: rate of Adam.", gt=0, le=1)
    beta1: float = setting(0.5, "Training: Adam's first momentum.", ge=0, le=0.999)
    beta2: float = setting(0.999, "Training: Adam's second momentum.", ge=0, le=0.99999)
    crop: int = setting(512, "Training: side of the random crops.", unit="px", ge=32, le=4096)
    batch: int = setting(1, "Training: crops in a step.", ge=1, le=64)
    accumulate: int = setting(
        1, "Training: steps whose gradients are added up before the weights change.", ge=1, le=256
    )
    macenko: bool = setting(
        False,
        "Training: bring the source images to common stain colours first (Macenko); what the "
        "checkpoint translates is then brought to them too.",
    )
    flips: bool = setting(True, "Training: flip and turn the crops at random.")
    amp: bool = setting(
        True, "Training: reduced precision where the device gains by it (GPU only)."
    )
    start_from: str = setting(
        "", "Training: checkpoint to start from; empty for random weights of a new network."
    )
    validation: float = setting(
        0.1,
        "Training: share of the pairs, chosen by their names, that is never trained on.",
        ge=0,
        le=0.5,
    )
    preview_pairs: str = setting(
        "",
        "Training: names of validation pairs to preview, with commas between; empty for the first.",
    )
    leave_out: str = setting(
        "", "Training: names of pairs to leave out, with commas between; empty for none."
    )
    save_every: int = setting(
        200, "Training: steps between two saved states.", unit="steps", ge=1, le=1_000_000
    )
    output: str = setting(
        "",
        "Training: file (.safetensors) for the finished checkpoint, beside which the state is kept "
        "from which a stopped training goes on; empty for none.",
    )
    seed: int = setting(
        0, "Seed of weights, crops, patches and validation part.", ge=0, le=2**32 - 1
    )
    device: str = setting(
        "auto", "cpu, cuda, cuda:N or mps; 'auto' takes the fastest there is.", advanced=False
    )

    @field_validator("pyramid_levels", "layers", "preview_pairs", "leave_out", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """Take a list for its text, since a form and a command line have texts alone."""
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("tile", "overlap", "crop"):
            value = getattr(self, name)
            if value % (2 * GRID):
                raise ValueError(
                    f"{name} must be a multiple of {2 * GRID}, such as "
                    f"{max(value // (2 * GRID), 1) * 2 * GRID}, got {value}"
                )
        if self.overlap > self.tile // 2:
            raise ValueError(
                f"overlap ({self.overlap}) must be at most half of tile ({self.tile}): lower it, "
                "or raise tile"
            )
        smallest = smallest_crop(self.discriminator_layers)
        if self.crop < smallest:
            raise ValueError(
                f"crop ({self.crop}) is too small for {self.discriminator_layers} discriminator "
                f"layers, which need {smallest}: raise crop, or lower discriminator_layers"
            )
        last = 11 + self.residual_blocks
        layers = _numbers("layers", self.layers)
        if not set(layers) <= {0, 4, 8, *range(12, last + 1)} or len(set(layers)) < len(layers):
            raise ValueError(f"layers must be some of 0, 4, 8, 12 to {last}, got {self.layers!r}")
        levels = _numbers("pyramid_levels", self.pyramid_levels)
        if min(levels) < 0 or len(levels) > 12:
            raise ValueError(
                f"pyramid_levels must be 1 to 12 weights of at least 0, got {self.pyramid_levels!r}"
            )
        last_side = -(-self.crop // 2 ** max(len(levels) - 2, 0))
        if len(levels) > 1 and last_side < _LEAST_SIDE:
            raise ValueError(
                f"crop ({self.crop}) is too small for {len(levels)} pyramid_levels, the last of "
                f"which would filter {last_side} pixels: raise crop, or name fewer levels"
            )
        if self.epochs + self.decay_epochs == 0:
            raise ValueError("epochs and decay_epochs are both 0: there is nothing to train")
        return self

    @property
    def layer_numbers(self) -> tuple[int, ...]:
        """The numbers in `layers`."""
        return tuple(int(number) for number in _numbers("layers", self.layers))

    @property
    def level_weights(self) -> tuple[float, ...]:
        """The numbers in `pyramid_levels`."""
        return tuple(float(number) for number in _numbers("pyramid_levels", self.pyramid_levels))

    @property
    def preview_names(self) -> tuple[str, ...]:
        """The names in `preview_pairs`."""
        return _names(self.preview_pairs)

    @property
    def left_out_names(self) -> tuple[str, ...]:
        """The names in `leave_out`."""
        return _names(self.leave_out)

    @property
    def total_epochs(self) -> int:
        """Epochs in all."""
        return self.epochs + self.decay_epochs

    @classmethod
    def fast(cls) -> Self:
        """Return tiles of a kilopixel in reduced precision, where the processor has it."""
        return cls(precision="fast", tile=1024)

    @classmethod
    def exact(cls) -> Self:
        """Return the statistics of the whole image, as if it had been translated in one piece."""
        return cls(statistics="whole_image", background="translate")

    @classmethod
    def paper(cls) -> Self:
        """Return what the paper published: each image by itself, crops without flips or turns."""
        return cls(statistics="whole_image", background="translate", flips=False)

    @classmethod
    def small(cls) -> Self:
        """Return a small network for a first try on a processor, in minutes rather than days."""
        return cls(
            generator_channels=12, residual_blocks=6, discriminator_channels=12,
            discriminator_layers=3, crop=128, patches=128, patch_features=64, epochs=12,
            decay_epochs=4, learning_rate=5e-4, tile=256, overlap=64,
        )  # fmt: skip


class StainTrainingConfig(StainConfig):
    """`StainConfig` of a training whose result is shown as a run's: see `train_layers`."""

    method: ClassVar[str] = "stain_training"
    reads: ClassVar[tuple[str, ...]] = ("start_from",)
    metrics: ClassVar[Mapping[str, Metric]] = {
        "pairs": Metric("pairs"),
        "validation": Metric("held-out loss"),
    }


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(name: str, text: str) -> list[Fraction]:
    try:
        return [Fraction(part.strip()) for part in text.split(",")]
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"{name} must be numbers with commas between, such as '1/4, 1', got {text!r}"
        ) from None


def smallest_crop(discriminator_layers: int) -> int:
    """Return the smallest side, a multiple of 8, that leaves the discriminator a 2 x 2 output."""
    return max(4 << discriminator_layers, 32)
