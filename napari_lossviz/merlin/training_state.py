"""Where a training stands: everything needed to go on as if it had never stopped."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from napari_lossviz.core import InputError
from napari_lossviz.engine.atomic_files import write_atomically

_KEY = "napari-lossviz training state"
_MOMENTS = ("exp_avg", "exp_avg_sq")


class TrainingState:
    """State of a training.

    Parameters
    ----------
    generator : torch.Generator
        Of the crops.
    belongs_to : mapping
        What has to be the same when it goes on: data and settings; JSON values.

    Attributes
    ----------
    step : int
        Steps done.
    stale : int
        Validations since the best one.
    best : float
        Validation loss of the best parameters.
    best_blocks : list of float
        The same by block.
    latest : float
        Validation loss last seen.
    best_parameters : dict of str to ndarray
    history : dict of str to list of float
        Loss by step, and the validation loss known then.
    """

    def __init__(self, generator: torch.Generator, belongs_to: Mapping[str, Any]) -> None:
        self._generator = generator
        self._belongs_to = dict(belongs_to)
        self._tensors: dict[str, Tensor] = {}
        self._path: Path | None = None
        self.step = 0
        self.stale = 0
        self.best = math.inf
        self.best_step = 0
        self.best_blocks: list[float] = []
        self.first = math.nan
        self.latest = math.nan
        self.best_parameters: dict[str, NDArray[np.float32]] = {}
        self.history: dict[str, list[float]] = {}

    def judge(
        self, validation: NDArray[np.float64], parameters: Mapping[str, Tensor], step: int
    ) -> None:
        """Take the validation losses of all blocks; parameters that are not worse are kept.

        Not worse: by no more than a standard error of the difference, block by block. Chance on the
        few blocks would otherwise choose an early step, although the network still learns.
        """
        if self.best_blocks and len(self.best_blocks) != len(validation):
            raise self._unreadable(f"losses of {len(self.best_blocks)} blocks")
        self.latest = float(validation.mean())
        if math.isnan(self.first):
            self.first = self.latest
        difference = validation - np.asarray(self.best_blocks or [math.inf] * len(validation))
        error = float(np.std(difference) / math.sqrt(len(difference))) if self.best_blocks else 0.0
        if difference.mean() < error:
            self.best, self.best_step, self.stale = self.latest, step, 0
            self.best_blocks = validation.tolist()
            self.best_parameters = {
                name: value.detach().cpu().numpy().copy() for name, value in parameters.items()
            }
        else:
            self.stale += 1

    def append(self, losses: Mapping[str, float]) -> None:
        """Add the losses of a step to the history."""
        for name, value in losses.items():
            self.history.setdefault(name, []).append(value)

    def take(self, parameters: Mapping[str, Tensor], optimizer: torch.optim.Adam) -> None:
        """Copy what the next step needs."""
        tensors = {"generator": self._generator.get_state()}
        for name, value in parameters.items():
            tensors[f"now.{name}"] = value.detach().cpu().clone()
            for moment in _MOMENTS:
                if value in optimizer.state:
                    tensors[f"{moment}.{name}"] = optimizer.state[value][moment].cpu().clone()
        self._tensors = tensors

    def restore(self, parameters: Mapping[str, Tensor], optimizer: torch.optim.Adam) -> None:
        """Set parameters and optimizer to what was taken, if anything was."""
        if not self._tensors:
            return
        try:
            self._generator.set_state(self._tensors["generator"])
            for name, value in parameters.items():
                if self.best_parameters[name].shape != value.shape:
                    raise ValueError(f"best parameters {name}")
                with torch.no_grad():
                    value.copy_(self._taken("now", name, value))
                if f"exp_avg.{name}" in self._tensors:
                    moments = {moment: self._taken(moment, name, value) for moment in _MOMENTS}
                    steps = torch.tensor(float(self.step))
                    optimizer.state[value] = {"step": steps, **moments}
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise self._unreadable(repr(error)) from error

    def _taken(self, what: str, name: str, like: Tensor) -> Tensor:
        values = self._tensors[f"{what}.{name}"]
        if values.shape != like.shape:
            raise ValueError(f"{what}.{name} has the shape {tuple(values.shape)}")
        return values.to(like, copy=True)

    def _unreadable(self, why: str) -> InputError:
        return InputError(
            f"{self._path}: not a readable training state ({why}); remove it to begin anew"
        )

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all.

        Raises
        ------
        OutputError
            If the system refuses.
        """
        numbers = {
            "step": self.step,
            "stale": self.stale,
            "best": self.best,
            "best_step": self.best_step,
            "best_blocks": self.best_blocks,
            "first": self.first,
            "latest": self.latest,
            "history": self.history,
            "belongs_to": self._belongs_to,
        }
        tensors = dict(self._tensors)
        for name, value in self.best_parameters.items():
            tensors[f"best.{name}"] = torch.from_numpy(value)
        metadata = {_KEY: json.dumps(numbers)}
        write_atomically(path, lambda target: save_file(tensors, target, metadata=metadata))

    def load(self, path: Path) -> None:
        """Read a state that `save` wrote.

        Raises
        ------
        InputError
            If the file is damaged, or of another training.
        """
        self._path = path
        try:
            with safe_open(path, framework="pt") as opened:
                numbers = json.loads((opened.metadata() or {})[_KEY])
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            belongs_to = numbers.pop("belongs_to")
            if belongs_to != self._belongs_to:
                differing = sorted(
                    name
                    for name in {*belongs_to, *self._belongs_to}
                    if belongs_to.get(name) != self._belongs_to.get(name)
                )
                raise InputError(
                    f"{path}: the training that was stopped there differs in "
                    f"{', '.join(differing)}: go on with what it had, remove the file, or choose "
                    "another checkpoint"
                )
            self.step, self.stale, self.best_step = (
                int(numbers[name]) for name in ("step", "stale", "best_step")
            )
            self.best, self.first, self.latest = (
                float(numbers[name]) for name in ("best", "first", "latest")
            )
            self.best_blocks = [float(value) for value in numbers["best_blocks"]]
            self.history = {
                name: [float(value) for value in values]
                for name, values in numbers["history"].items()
            }
            self.best_parameters = {
                name.removeprefix("best."): tensors.pop(name).numpy()
                for name in list(tensors)
                if name.startswith("best.")
            }
            self._tensors = tensors
        except InputError:
            raise
        except (
            *(SafetensorError, OSError, ValueError, KeyError, TypeError),
            *(AttributeError, OverflowError),
        ) as error:
            raise self._unreadable(repr(error)) from error
