"""Training of the sigma predictors on the image itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_lossviz.core import LossvizError
from napari_lossviz.filter2noise.adaptive import adaptive_bilateral_filter
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.loss import Filter2NoiseLoss
from napari_lossviz.filter2noise.predictor import SigmaPredictor, expand_sigma

AUTOMATIC_LAMBDA = 40.0
"""Between 20 and 80 the result differs by a few tenths of a dB once sigma_r is calibrated."""

_FIRST_START = (0.6, 8.0)
_LATER_START = (2.0, 2.0)
"""Where maps begin: spatial sigma in pixels, sigma_r in units of the noise.

From random weights, seeds differ by up to 2 dB where noise is low: some end as a small blur of any
contrast. A light first stage, whose result guides the later ones, is where the good ones end.
"""

_NOISE_BOUNDS = (1e-3, 0.1)
"""Of the noise in [0, 1] that a start may rest on."""

_CONTENT = 0.25
"""Fraction of a crop that has to lie inside the window for the crop to be worth a step."""

_ATTEMPTS = 20


class FilterModel(nn.Module):
    """The whole model: stages of predictor and filter in a row, on images in [0, 1].

    Parameters
    ----------
    stages : int
    generator : torch.Generator, optional
        Source of the initial weights.
    """

    def __init__(self, stages: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.predictors = nn.ModuleList(SigmaPredictor(generator) for _ in range(stages))

    def start_from_noise(self, noise: float) -> None:
        """Let all maps begin at sizes that fit the noise of an image in [0, 1]."""
        noise = min(max(noise, _NOISE_BOUNDS[0]), _NOISE_BOUNDS[1])
        alone = len(self.predictors) == 1
        for stage, predictor in enumerate(self.predictors):
            assert isinstance(predictor, SigmaPredictor)
            spatial, factor = _FIRST_START if stage == 0 and not alone else _LATER_START
            predictor.start_at(spatial, factor * noise)

    def forward(self, x: Tensor) -> Tensor:
        """Denoise (B, C, H, W), every stage with the paper's window rule."""
        for predictor in self.predictors:
            x = adaptive_bilateral_filter(x, expand_sigma(predictor(x), *x.shape[-2:]))
        return x


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """What one step leaves to be reported."""

    done: int
    total: int
    losses: dict[str, float]
    model: FilterModel


@dataclass
class TrainingData:
    """Scaled slices and where there is something to learn.

    Attributes
    ----------
    slices : (N, C, H, W) float32 tensor
        In [0, 1], on the device.
    content : (N, H, W) bool ndarray
        Valid and inside the window.
    """

    slices: Tensor
    content: NDArray[np.bool_]
    _weights: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        inside = self.content.reshape(len(self.content), -1).mean(axis=1)
        total = inside.sum()
        even = np.full(len(inside), 1 / len(inside))
        self._weights = inside / total if total > 0 else even

    def crop(self, side: int | None, generator: torch.Generator) -> Tensor:
        """Return a random (1, C, h, w) crop that has content, or a whole slice."""
        chances = torch.from_numpy(self._weights)
        n = int(torch.multinomial(chances, 1, generator=generator))
        height, width = self.slices.shape[-2:]
        h, w = (min(side, height), min(side, width)) if side else (height, width)
        y = x = 0
        for _ in range(_ATTEMPTS):
            y = int(torch.randint(height - h + 1, (1,), generator=generator))
            x = int(torch.randint(width - w + 1, (1,), generator=generator))
            if self.content[n, y : y + h, x : x + w].mean() >= _CONTENT:
                break
        return self.slices[n : n + 1, :, y : y + h, x : x + w]


def train(
    data: TrainingData,
    noise: float,
    config: Filter2NoiseConfig,
    report: Callable[[TrainingStep], None],
    poll: Callable[[], None],
) -> FilterModel:
    """Train the predictors: AdamW under a one-cycle schedule.

    Parameters
    ----------
    data : TrainingData
    noise : float
        Standard deviation in units of the scaled slices; 0 where none was found.
    config : Filter2NoiseConfig
    report : callable
        Called after every step; may raise to stop.
    poll : callable
        Called several times a step, so that a large image can be cancelled within it.

    Raises
    ------
    LossvizError
        If the loss is not finite.
    """
    generator = torch.Generator().manual_seed(config.seed)
    model = FilterModel(config.stages, generator)
    if config.start == "noise" and noise > 0:
        model.start_from_noise(noise)
    model.to(data.slices.device)
    loss = Filter2NoiseLoss(training_lambda(config))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.steps + 1
    )

    def polled(x: Tensor) -> Tensor:
        poll()
        y: Tensor = model(x)
        return y

    for done in range(1, config.steps + 1):
        terms = loss(data.crop(config.crop, generator), polled)
        poll()
        optimizer.zero_grad()
        terms["total"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        losses = {name: float(value.detach()) for name, value in terms.items()}
        if not np.isfinite(losses["total"]):
            raise LossvizError(
                f"training diverged at step {done} of {config.steps}: try a lower learning rate "
                f"than {config.learning_rate:g}"
            )
        report(TrainingStep(done, config.steps, losses, model))
    return model


def training_lambda(config: Filter2NoiseConfig) -> float:
    """Return the weight of the edge term that the configuration means."""
    return AUTOMATIC_LAMBDA if isinstance(config.lambda_, str) else config.lambda_


def upsampled_loss_maps(
    model: Callable[[Tensor], Tensor], x: Tensor, lambda_: float
) -> dict[str, NDArray[np.float32]]:
    """Return where the loss acts: every term before its mean, (H, W), channels averaged.

    Terms of half the size are repeated to 2 x 2 pixels; an odd last row or column is 0.
    """
    height, width = x.shape[-2:]
    with torch.no_grad():
        terms = Filter2NoiseLoss(lambda_).maps(x, model)
    result = {}
    for name, pixels in terms.items():
        plane = pixels[0].mean(dim=0).cpu().numpy()
        full = np.zeros((height, width), np.float32)
        scale = 1 if plane.shape == (height, width) else 2
        plane = plane.repeat(scale, axis=0).repeat(scale, axis=1)
        full[: plane.shape[0], : plane.shape[1]] = plane
        result[name] = full
    return result


def weights_of(model: FilterModel) -> tuple[dict[str, NDArray[np.float32]], ...]:
    """Return the weights of every stage as numpy arrays."""
    return tuple(
        {name: value.detach().cpu().numpy().copy() for name, value in stage.state_dict().items()}
        for stage in model.predictors
    )


def predictors_from(
    weights: tuple[dict[str, NDArray[np.float32]], ...],
) -> Iterator[SigmaPredictor]:
    """Yield the predictors of every stage, built from `weights_of`."""
    for stage in weights:
        predictor = SigmaPredictor()
        predictor.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in stage.items()})
        yield predictor.eval()
