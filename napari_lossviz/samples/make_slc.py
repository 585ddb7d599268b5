"""Makes the radar sample: a simulated SLC, the reflectivity behind it, and its description.

Called by ``python -m napari_lossviz.samples.make``; it needs rasterio.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_lossviz import io
from napari_lossviz.core import Image
from napari_lossviz.io.sar_product import SAR_KEY, GroundPoint, SarProduct
from napari_lossviz.samples.slc import simulate_slc

SEED = 0
SHAPE = (512, 512)

_WGS84 = "EPSG:4326"
_CORNER = (0.02, -0.03)  # a made-up place off the coast of Africa: longitude and latitude
_DEGREES_PER_PIXEL = 2e-5
_KEPT_MANTISSA = np.uint32(0xFFFFE000)  # ten bits: exact to 0.05 %, and the file half as large


def make_slc(folder: Path) -> None:
    """Write ``slc.tif``, ``reflectivity.tif`` and ``scene.json`` into `folder`, over what is there.

    Digital numbers are whole, as a sensor's are.
    """
    simulated = simulate_slc(SHAPE, seed=SEED)
    rounded = np.round(simulated.slc.real) + 1j * np.round(simulated.slc.imag)
    product = SarProduct(
        crs=_WGS84,
        ground_points=_ground_points(),
        tags={"TIFFTAG_IMAGEDESCRIPTION": "simulated SLC, napari-lossviz sample"},
    )
    for name, array in (
        ("slc", rounded.astype(np.complex64)),
        ("reflectivity", _short(simulated.reflectivity)),
    ):
        image = Image(array, "yx", name=name, metadata={SAR_KEY: product})
        io.write(image, folder / f"{name}.tif", overwrite=True)
    description = {
        "seed": SEED,
        "shape": SHAPE,
        "transfer": asdict(simulated.transfer),
        "points": [asdict(point) for point in simulated.points],
    }
    text = json.dumps(description, indent=2) + "\n"
    (folder / "scene.json").write_text(text, encoding="utf-8")


def _ground_points() -> tuple[GroundPoint, ...]:
    """Return a grid of places for a scene that was looked at from the west, north up."""
    height, width = SHAPE
    return tuple(
        GroundPoint(
            row,
            column,
            _CORNER[0] + column * _DEGREES_PER_PIXEL,
            _CORNER[1] - row * _DEGREES_PER_PIXEL,
        )
        for row in (0, height // 2, height)
        for column in (0, width // 2, width)
    )


def _short(values: NDArray[np.float32]) -> NDArray[np.float32]:
    half = np.uint32(~_KEPT_MANTISSA) // 2 + 1
    bits = (values.view(np.uint32) + half) & _KEPT_MANTISSA
    return bits.view(np.float32)
