"""The training loop: Adam under a one-cycle rate, the best weights by held-out blocks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_lossviz.core import LossvizError
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.merlin.config import MerlinConfig
from napari_lossviz.merlin.loss import negative_log_likelihood_map
from napari_lossviz.merlin.merged import merged_forward, merged_parameters
from napari_lossviz.merlin.normalisation import Normalisation
from napari_lossviz.merlin.training_data import Batch, CropSampler
from napari_lossviz.merlin.training_state import TrainingState

LOSS, VALIDATION = "negative log-likelihood", "validation"
"""Names in the history."""

_WARM_UP = 0.05
_FIRST_RATE, _LAST_RATE = 0.1, 0.01
"""Of the peak."""


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """What one step leaves to be reported.

    Attributes
    ----------
    done : int
    losses : dict of str to float
    parameters : dict of str to Tensor
        Of the network as it is now.
    """

    done: int
    losses: dict[str, float]
    parameters: Mapping[str, Tensor]


def learning_rate(step: int, config: MerlinConfig) -> float:
    """Return the rate of a step (from 0): a short rise, then a cosine down to a hundredth."""
    warm = max(_WARM_UP * config.steps, 1)
    if step < warm:
        share = _FIRST_RATE + (1 - _FIRST_RATE) * step / warm
    else:
        way = (step - warm) / max(config.steps - warm, 1)
        share = _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * way))
    return config.learning_rate * share


class Trainer:
    """Trains a network's parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        Where it starts.
    normalisation : Normalisation
    config : MerlinConfig
    device : torch.device
    """

    def __init__(
        self,
        parameters: Mapping[str, NDArray[np.float32]],
        normalisation: Normalisation,
        config: MerlinConfig,
        device: torch.device,
    ) -> None:
        self._normalisation = normalisation
        self._config = config
        self._device = device
        self._dtype = fast_dtype(device) if config.precision == "fast" else torch.float32
        self.parameters = {
            name: torch.from_numpy(np.array(values)).to(device).requires_grad_()
            for name, values in parameters.items()
        }
        self._optimizer = torch.optim.Adam(list(self.parameters.values()), lr=0.0)

    def run(
        self,
        sampler: CropSampler,
        validation: list[Batch],
        state: TrainingState,
        report: Callable[[TrainingStep], None],
        poll: Callable[[], None],
        keep: Callable[[TrainingState], None],
    ) -> TrainingState:
        """Train to the end, or until validation has not become better for long.

        Parameters
        ----------
        sampler : CropSampler
        validation : list of Batch
        state : TrainingState
            Where to go on; a new one to begin.
        report : callable
            Called after every step; may raise to stop.
        poll : callable
            Called several times a step.
        keep : callable
            Is given the state after every validation, and when the training is stopped; not when it
            diverged.

        Raises
        ------
        LossvizError
            If the loss is not finite.
        """
        config = self._config
        state.restore(self.parameters, self._optimizer)
        if not state.history.get(VALIDATION):
            state.judge(self.validate(validation, poll), self.parameters, step=0)
        try:
            while state.step < config.steps and state.stale < config.patience:
                losses = self._step(sampler.draw(), state, poll)
                if state.step % config.validate_every == 0 or state.step == config.steps:
                    found = self.validate(validation, poll)
                    self._refuse_diverged(float(found.sum()), state.step)
                    state.judge(found, self.parameters, step=state.step)
                    state.take(self.parameters, self._optimizer)
                    keep(state)
                losses[VALIDATION] = state.latest
                state.append(losses)
                report(TrainingStep(state.step, losses, self.parameters))
        except LossvizError:
            raise  # diverged: whatever was kept before is better
        except BaseException:
            state.take(self.parameters, self._optimizer)
            keep(state)
            raise
        return state

    def validate(self, batches: list[Batch], poll: Callable[[], None]) -> NDArray[np.float64]:
        """Return the mean loss on each held-out block."""
        found = []
        with torch.no_grad():
            for batch in batches:
                losses, counts = self._losses(batch, poll)
                found.append(float(losses[counts].mean()))
        return np.array(found)

    def _step(
        self, batch: Batch, state: TrainingState, poll: Callable[[], None]
    ) -> dict[str, float]:
        config = self._config
        losses, counts = self._losses(batch, poll)
        loss = (losses * counts).sum() / counts.sum().clamp(min=1)
        value = float(loss.detach())
        self._refuse_diverged(value, state.step + 1)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        poll()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), config.gradient_clip)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(state.step, config)
        self._optimizer.step()
        state.step += 1
        return {LOSS: value}

    def _refuse_diverged(self, loss: float, step: int) -> None:
        if not math.isfinite(loss):
            raise LossvizError(
                f"training diverged at step {step} of {self._config.steps}: try a lower learning "
                f"rate than {self._config.learning_rate:g}"
            )

    def _losses(self, batch: Batch, poll: Callable[[], None]) -> tuple[Tensor, Tensor]:
        seen = self._normalisation.part_to_network(batch.seen.to(self._device))
        prepared = merged_parameters(self.parameters, self._dtype)
        output = merged_forward(prepared, seen, poll)
        logarithm = self._normalisation.log_reflectivity(output)
        target = batch.target.to(self._device)
        return negative_log_likelihood_map(logarithm, target), batch.counts.to(self._device)
