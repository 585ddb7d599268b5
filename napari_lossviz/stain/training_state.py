"""All that a training needs to go on as if it had never stopped."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from napari_lossviz.core import InputError, OutputError
from napari_lossviz.engine.atomic_files import write_atomically

_KEY = "napari-lossviz stain training state"
_MOMENTS = ("exp_avg", "exp_avg_sq")
_HISTORY = "history."
"""Before the names of losses: as tensors, since the text in such a file has a largest size."""


class TrainingState:
    """Step, history, networks and optimisers of a training.

    Crops and patches follow from seed and step, so that no random state is needed.

    Parameters
    ----------
    belongs_to : mapping
        What has to be the same when it goes on: data and settings; JSON values.

    Attributes
    ----------
    step : int
        Optimisation steps done.
    history : dict of str to list of float
        Every loss term by step.
    """

    def __init__(self, belongs_to: Mapping[str, Any]) -> None:
        self._belongs_to = dict(belongs_to)
        self._run = uuid.uuid4().hex
        self._known = ""  # the run whose state this one took up, or its own
        self.step = 0
        self.history: dict[str, list[float]] = {}

    def append(self, losses: Mapping[str, float]) -> None:
        """Add the losses of a step to the history, and count the step."""
        for name, value in losses.items():
            self.history.setdefault(name, []).append(value)
        self.step += 1

    def amend(self, name: str, value: float) -> None:
        """Put another value for the last step of a loss, if there is a step."""
        if self.step:
            self.history[name][-1] = value

    def save(
        self,
        path: Path,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, torch.optim.Adam],
    ) -> None:
        """Write everything, whole or not at all.

        Raises
        ------
        OutputError
            If the system refuses, or another training writes there too; an older state stays.
        """
        if _run_of(path) not in (None, self._known):
            raise OutputError(
                f"{path}: another training writes its state there at the same time; this one stops "
                "at its last saved state: choose another output for one of them"
            )
        tensors: dict[str, Tensor] = {}
        for name, network in networks.items():
            for key, value in network.state_dict().items():
                tensors[f"{name}.{key}"] = value.detach().cpu().contiguous()
            for key, parameter in network.named_parameters():
                state = optimizers[name].state.get(parameter, {})
                for moment in _MOMENTS:
                    if moment in state:
                        tensors[f"{moment}.{name}.{key}"] = state[moment].cpu().contiguous()
        counts = {name: _count(optimizer) for name, optimizer in optimizers.items()}
        numbers = {
            "step": self.step,
            "run": self._run,
            "belongs_to": self._belongs_to,
            "optimizer_steps": counts,
        }
        for name, values in self.history.items():
            tensors[f"{_HISTORY}{name}"] = torch.tensor(values, dtype=torch.float64)
        metadata = {_KEY: json.dumps(numbers)}
        write_atomically(path, lambda target: save_file(tensors, target, metadata=metadata))
        self._known = self._run

    def load(
        self,
        path: Path,
        networks: Mapping[str, nn.Module],
        optimizers: Mapping[str, torch.optim.Adam],
    ) -> None:
        """Read a state that `save` wrote, into networks and optimisers too.

        Raises
        ------
        InputError
            If the file is damaged, or of another training.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                numbers = json.loads((opened.metadata() or {})[_KEY])
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            self._check_same(path, numbers["belongs_to"])
            for name, network in networks.items():
                prefix = f"{name}."
                network.load_state_dict(
                    {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
                )
                steps = numbers["optimizer_steps"][name]
                _restore(optimizers[name], network, name, tensors, steps)
            self._known = str(numbers["run"])
            self.step = int(numbers["step"])
            self.history = {
                name.removeprefix(_HISTORY): values.double().flatten().tolist()
                for name, values in tensors.items()
                if name.startswith(_HISTORY)
            }
        except InputError:
            raise
        except (
            *(SafetensorError, OSError, ValueError, KeyError, TypeError),
            *(AttributeError, OverflowError, RuntimeError),
        ) as error:
            raise InputError(
                f"{path}: not a readable training state ({error!r}); remove it to begin anew"
            ) from error

    def _check_same(self, path: Path, belongs_to: Mapping[str, Any]) -> None:
        differing = sorted(
            name
            for name in {*belongs_to, *self._belongs_to}
            if belongs_to.get(name) != self._belongs_to.get(name)
        )
        if differing:
            raise InputError(
                f"{path}: the training that was stopped there differs in {', '.join(differing)}: "
                "go on with what it had, remove the file, or choose another output"
            )


def _run_of(path: Path) -> str | None:
    """Return which run wrote a state; None if there is none that can be read."""
    try:
        with safe_open(path, framework="pt") as opened:
            return str(json.loads((opened.metadata() or {})[_KEY])["run"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None


def _count(optimizer: torch.optim.Adam) -> float:
    counts = [float(state["step"]) for state in optimizer.state.values() if "step" in state]
    return max(counts, default=0.0)


def _restore(
    optimizer: torch.optim.Adam,
    network: nn.Module,
    name: str,
    tensors: Mapping[str, Tensor],
    steps: float,
) -> None:
    for key, parameter in network.named_parameters():
        if f"exp_avg.{name}.{key}" not in tensors:
            continue
        moments = {
            moment: tensors[f"{moment}.{name}.{key}"].to(parameter, copy=True)
            for moment in _MOMENTS
        }
        if any(moment.shape != parameter.shape for moment in moments.values()):
            raise ValueError(f"moments of {name}.{key}")
        optimizer.state[parameter] = {"step": torch.tensor(float(steps)), **moments}
