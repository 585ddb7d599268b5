"""The authors' checkpoint of a generator: its names and shapes, turned into ours."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from torch import Tensor

from napari_lossviz.core import InputError
from napari_lossviz.stain.generator import FIRST_BLOCK_LAYER, ResnetGenerator
from napari_lossviz.stain.resampling import DOUBLING, HALVING, binomial

_FILTERED = re.compile(r"model\.\d+")
_PARTS = {
    "weight_orig": "parametrizations.weight.original",
    "weight_u": "parametrizations.weight.0._u",
    "weight_v": "parametrizations.weight.0._v",
    "bias": "bias",
}


def read_authors_generator(path: Path) -> ResnetGenerator:
    """Read a ``latest_net_G.pth`` without running any code in it.

    Raises
    ------
    InputError
        If the file holds anything but tensors, is damaged, or is of another architecture.
    """
    state = _tensors(path)
    blocks = len({name.split(".")[1] for name in state if ".conv_block." in name})
    stem = state.get("model.1.weight_orig")
    if stem is None or stem.dim() != 4 or stem.shape[1:] != (3, 7, 7) or not blocks:
        raise InputError(
            f"{path}: not a resnet generator with spectral norm: expected 'model.1.weight_orig' of "
            f"shape (channels, 3, 7, 7) and residual blocks, found {_some(state)}"
        )
    network = ResnetGenerator(stem.shape[0], blocks)
    expected = network.state_dict()
    names = _our_names(blocks)
    found: dict[str, Tensor] = {}
    unknown = []
    for name, value in state.items():
        layer, _, part = name.rpartition(".")
        if part == "filt" and _FILTERED.fullmatch(layer):
            _check_filter(path, name, value)
        elif layer in names and part in _PARTS:
            found[f"{names[layer]}.{_PARTS[part]}"] = value.float()
        else:
            unknown.append(name)
    missing = sorted(set(expected) - set(found))
    if unknown or missing:
        raise InputError(
            f"{path}: a generator of another architecture than resnet_{blocks}blocks with instance "
            "norm, spectral norm and anti-aliased resampling: "
            + "; ".join(
                f"{what} {_some(names)}"
                for what, names in (("unknown", unknown), ("missing", missing))
                if names
            )
        )
    check_shapes(path, expected, found)
    network.load_state_dict(found)
    return network.eval()


def check_shapes(path: Path, expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Make sure that tensors have the shapes of a network and finite values.

    Raises
    ------
    InputError
    """
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise InputError(
                f"{path}: {name} has the shape {tuple(found[name].shape)}, expected "
                f"{tuple(value.shape)}: the file is of another network"
            )
        if not torch.isfinite(found[name]).all():
            raise InputError(f"{path}: {name} holds NaN or infinity; the file is damaged")


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its unpickler and its archive reader raise
        if is_zipfile(path) or "weights_only" in str(error) or "Unsupported" in str(error):
            hint = (
                "it holds more than tensors, such as pickled code, or is damaged, and is not "
                "loaded: ask its source for the plain state dictionary (latest_net_G.pth)"
            )
        else:
            hint = "it is not a file that torch.save wrote, or is damaged"
        raise InputError(f"{path}: {hint}") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise InputError(
            f"{path}: expected a dictionary of tensors by name (latest_net_G.pth), found "
            f"{type(state).__name__}"
        )
    return {name.removeprefix("module."): value for name, value in state.items()}


def _our_names(blocks: int) -> dict[str, str]:
    end = FIRST_BLOCK_LAYER + blocks
    names = {"model.1": "stem", "model.4": "down.0", "model.8": "down.1"}
    for i in range(blocks):
        base = f"model.{FIRST_BLOCK_LAYER + i}.conv_block"
        names |= {f"{base}.1": f"blocks.{i}.first", f"{base}.5": f"blocks.{i}.second"}
    numbers = {end + 1: "up.0", end + 5: "up.1", end + 9: "head"}
    return names | {f"model.{number}": name for number, name in numbers.items()}


def _check_filter(path: Path, name: str, value: Tensor) -> None:
    layer = int(name.split(".")[1])
    halving = layer < FIRST_BLOCK_LAYER
    expected = binomial(HALVING) if halving else 4 * binomial(DOUBLING)
    if value.shape[-2:] != expected.shape or not torch.allclose(
        value.float(), expected.expand_as(value), atol=1e-5
    ):
        raise InputError(
            f"{path}: {name} is another anti-aliasing filter than the binomial one of "
            f"{3 if halving else 4} taps: the generator is of another architecture"
        )


def _some(names: Any) -> str:
    listed = sorted(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
