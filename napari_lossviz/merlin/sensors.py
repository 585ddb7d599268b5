"""Which pretrained weights an image's acquisition asks for; torch-free."""

from typing import get_args

from napari_lossviz.core import Image
from napari_lossviz.merlin.config import MerlinConfig, Sensor

_SENTINEL_STRIPMAP = ("SM", "S1", "S2", "S3", "S4", "S5", "S6")
"""Of Sentinel-1: the mode, or the beam that stands for it."""


def doubts(image: Image, config: MerlinConfig) -> tuple[str, ...]:
    """Return whether a run would start from another sensor's weights, for the command line.

    Parameters
    ----------
    image : Image
    config : MerlinConfig
    """
    mode, weights = sensor_mode(image), config.weights
    known = mode is not None and weights in get_args(Sensor)
    if not known or weights == mode or config.training == "from_scratch":
        return ()
    return (f"{other_sensor(image.name, str(mode), weights, weights)} Give --weights {mode}.",)


def other_sensor(name: str, mode: str, weights: str, sensor: str) -> str:
    """Return the warning that weights were trained on another sensor than an image's."""
    return (
        f"{name} is a {mode} image, the weights {weights!r} were trained on {sensor}: choose the "
        f"weights {mode!r}, or train on the image itself."
    )


def sensor_mode(image: Image) -> Sensor | None:
    """Return which pretrained weights an image's acquisition asks for, where that is known."""
    acquisition = getattr(image.metadata.get("sar"), "acquisition", None)
    mission = str(getattr(acquisition, "mission", "")).upper()
    mode = str(getattr(acquisition, "mode", "")).upper()
    if mission.startswith("SENTINEL-1"):
        if mode in ("IW", "EW"):
            return "sentinel_tops"
        return "stripmap" if mode in _SENTINEL_STRIPMAP else None
    if mission.startswith(("TSX", "TDX", "TERRASAR", "TANDEM", "PAZ")):
        return "stripmap" if mode.startswith("SM") or mode == "STRIPMAP" else "spotlight"
    return None
