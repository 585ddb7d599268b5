"""What of a despeckled amplitude is written: amplitude, intensity, dB or complex, calibrated."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, Image, InputError, OutputRecord, Result
from napari_lossviz.io.calibration import CalibrationTable, NoiseTable, Quantity, calibrate
from napari_lossviz.io.sar_product import QUANTITY_TAG, SAR_KEY

DECIBEL = "dB"

_ROWS = 512

RadarQuantity = Literal["amplitude", "intensity", "decibel", "complex"]


@dataclass(frozen=True)
class RadarOutput:
    """What a radar image is written as.

    Attributes
    ----------
    quantity : str
        "amplitude", "intensity" (its square), "decibel" (10 log10 of the intensity), or "complex"
        (the amplitude with the phase of the original image).
    calibration : str
        "sigma0", "beta0" or "gamma0", where the product has a table; empty: digital numbers.
    subtract_noise : bool
        Whether thermal noise is subtracted before calibration.
    merge_bursts : bool
        Whether the bursts of a TOPS product are merged to one image.
    """

    quantity: RadarQuantity = "amplitude"
    calibration: Quantity | Literal[""] = ""
    subtract_noise: bool = False
    merge_bursts: bool = False

    def record(self, formats: tuple[str, ...] | None = None) -> OutputRecord:
        """Return it as a recipe keeps it, with the formats that are written."""
        return OutputRecord(formats=formats, **asdict(self))

    @classmethod
    def of_record(cls, record: OutputRecord) -> Self:
        """Return what a recipe says."""
        return cls(**record.model_dump(exclude={"formats"}))


def check_radar_output(source: Image, output: RadarOutput) -> None:
    """Refuse what cannot be written of a result of `source`, before that result is computed.

    Raises
    ------
    InputError
        If the product lacks bursts or tables asked for, or the parts exclude each other.
    """
    product = source.metadata.get(SAR_KEY)
    if output.merge_bursts:
        if product is None or product.tops is None:
            raise _no_bursts(source)
        if output.quantity == "complex":
            raise InputError(
                f"{source.name}: merged bursts have no phase of their own: write amplitude, "
                "intensity or dB"
            )
    _tables(source, output)


def merged_bursts(result: Result) -> Image:
    """Return the amplitude of a result whose bursts are merged, with the metadata of that.

    Parameters
    ----------
    result : Result
        Of a method that merges bursts: with ``merged_intensity()``, (H, W), NaN without data.

    Raises
    ------
    InputError
        If the image has no bursts or the method does not merge them.
    """
    product = result.source.metadata.get(SAR_KEY)
    merge: Any = getattr(result, "merged_intensity", None)
    if merge is None or getattr(product, "tops", None) is None:
        raise _no_bursts(result.source)
    assert product is not None
    intensity = np.asarray(merge(), np.float32)
    known = np.isfinite(intensity)
    amplitude = np.sqrt(np.where(known, intensity, 0))
    metadata = {**result.source.metadata, SAR_KEY: product.merged()}
    return result.main_image().replace(array=amplitude, valid=known, metadata=metadata)


def radar_output(amplitude: Image, output: RadarOutput, source: Image | None = None) -> Image:
    """Return an amplitude image as what is to be written.

    Parameters
    ----------
    amplitude : Image
        Real amplitude in digital numbers, axes "yx"; an array that is not numpy's stays lazy.
    output : RadarOutput
    source : Image, optional
        The complex image that it was made from, for the phase.

    Returns
    -------
    Image
        float32, or complex64. Pixels of no intensity are NaN in dB and not valid.

    Raises
    ------
    InputError
        If the product lacks the tables asked for, or there is no phase of this shape.
    """
    if amplitude.axes != "yx" or amplitude.array.dtype.kind == "c":
        raise InputError(
            f"{amplitude.name}: an amplitude image is needed; this has axes {amplitude.axes!r} and "
            f"holds {amplitude.array.dtype}"
        )
    power = _calibration(amplitude, output)
    if output.quantity == "complex":
        phase = _phase_source(amplitude, source)

        def combine(part: NDArray[Any], box: Box) -> NDArray[Any]:
            return _with_phase(np.sqrt(power(part, box)), np.asarray(phase[box.slices]))

        array = _by_blocks(amplitude.array, combine, np.complex64)
        return amplitude.replace(array=array, metadata=_labelled(amplitude, output))

    def real(part: NDArray[Any], box: Box) -> NDArray[Any]:
        intensity = power(part, box)
        if output.quantity == "amplitude":
            return np.asarray(np.sqrt(intensity))
        return intensity if output.quantity == "intensity" else _decibel(intensity)

    array = _by_blocks(amplitude.array, real, np.float32)
    valid = amplitude.valid
    if output.quantity == "decibel" and isinstance(array, np.ndarray):
        finite = np.isfinite(array)
        if not finite.all():
            valid = finite if valid is None else valid & finite
    unit = DECIBEL if output.quantity == "decibel" else ""
    name = " ".join(filter(None, (amplitude.name, output.calibration)))
    metadata = _labelled(amplitude, output)
    return amplitude.replace(
        array=array, value_unit=unit, valid=valid, name=name, metadata=metadata
    )


def _labelled(image: Image, output: RadarOutput) -> dict[str, Any]:
    """Return the metadata with the tag that says what the values are."""
    product = image.metadata.get(SAR_KEY)
    if product is None:
        return dict(image.metadata)
    kinds = {"decibel": "intensity in dB", "complex": "complex amplitude"}
    words = [output.calibration or "digital numbers", kinds.get(output.quantity, output.quantity)]
    if output.subtract_noise:
        words.append("thermal noise subtracted")
    tags = {**product.tags, QUANTITY_TAG: ", ".join(words)}
    return {**image.metadata, SAR_KEY: replace(product, tags=tags)}


def _calibration(image: Image, output: RadarOutput) -> Callable[[NDArray[Any], Box], NDArray[Any]]:
    """Return the function from amplitudes in a box to intensity."""
    tables = _tables(image, output)
    if tables is None:
        return lambda part, box: np.asarray(part, np.float32) ** np.float32(2)
    (table, noise), quantity = tables, output.calibration

    def calibrated(part: NDArray[Any], box: Box) -> NDArray[Any]:
        squared = np.asarray(part, np.float64) ** 2
        return calibrate(squared, table, quantity or "sigma0", noise=noise, box=box)

    return calibrated


def _tables(image: Image, output: RadarOutput) -> tuple[CalibrationTable, NoiseTable | None] | None:
    """Return the tables that an output needs, None where it needs none."""
    if not output.calibration:
        if output.subtract_noise:
            raise InputError("thermal noise is subtracted with a calibration only: choose one")
        return None
    product = image.metadata.get(SAR_KEY)
    table = None if product is None else product.calibration
    noise = None if product is None else product.noise
    if table is None or (output.subtract_noise and noise is None):
        raise InputError(
            f"{image.name}: has no table of {'noise' if table is not None else 'calibration'}; "
            "open the whole Sentinel-1 .SAFE product, or export digital numbers"
        )
    return table, noise if output.subtract_noise else None


def _no_bursts(image: Image) -> InputError:
    return InputError(f"{image.name}: has no bursts to merge; export it without merging")


def _phase_source(amplitude: Image, source: Image | None) -> Any:
    if source is None or source.array.dtype.kind != "c":
        raise InputError(f"{amplitude.name}: for a complex image the original one is needed")
    if source.shape != amplitude.shape:
        raise InputError(
            f"{amplitude.name}: is {amplitude.shape} and the original {source.shape}; merged "
            "bursts have no phase of their own: export amplitude, intensity or dB"
        )
    return source.array


def _with_phase(amplitude: NDArray[Any], original: NDArray[Any]) -> NDArray[Any]:
    modulus = np.abs(original)
    turn = np.divide(original, modulus, out=np.ones_like(original), where=modulus > 0)
    return np.asarray(amplitude * turn, np.complex64)


def _decibel(intensity: NDArray[Any]) -> NDArray[Any]:
    positive = np.where(intensity > 0, intensity, np.nan)
    return np.asarray(10 * np.log10(positive), np.float32)


def _by_blocks(
    array: Any, function: Callable[[NDArray[Any], Box], NDArray[Any]], dtype: Any
) -> Any:
    """Apply a function of values and their box, now, or lazily if this is no numpy array."""
    if isinstance(array, np.ndarray):
        height, width = array.shape
        result = np.empty(array.shape, dtype)
        for y in range(0, height, _ROWS):  # tables are applied in float64: not to all at once
            box = Box(y, min(y + _ROWS, height), 0, width)
            result[box.slices] = function(array[box.slices], box)
        return result
    lazy: Any = import_module("dask.array")

    def on_block(part: NDArray[Any], block_info: Any = None) -> NDArray[Any]:
        (y0, y1), (x0, x1) = block_info[0]["array-location"]
        return function(part, Box(y0, y1, x0, x1)).astype(dtype, copy=False)

    whole = array if hasattr(array, "map_blocks") else lazy.from_array(array)
    return whole.map_blocks(on_block, dtype=dtype, meta=np.empty((0, 0), dtype))
