"""Export of a result that came of complex values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import rasterio
from matplotlib.image import imread

from napari_lossviz import io
from napari_lossviz.core import Identity, Image, InputError, MethodConfig, NamedImage, Result
from napari_lossviz.io.radar_output import RadarOutput
from napari_lossviz.io.sar_product import SAR_KEY, GroundPoint, SarProduct
from napari_lossviz.jobs.export import check_export, export
from napari_lossviz.jobs.export_images import RADAR_FORMATS, ExportParts

RNG = np.random.default_rng(0)


class Nothing(MethodConfig):
    method: ClassVar[str] = "halve"


@dataclass(frozen=True, eq=False, kw_only=True)
class Halved(Result):
    method: ClassVar[str] = "halve"
    amplitude: Any = field(repr=False)

    def images(self) -> Iterator[NamedImage]:
        yield NamedImage("despeckled", self.amplitude, "result")

    def describe(self) -> str:
        return "half the amplitude"


def halved() -> Halved:
    speckle = RNG.normal(size=(2, 40, 50)).astype(np.float32)
    slc = (speckle[0] + 1j * speckle[1]).astype(np.complex64)
    slc[0, :10] = 0
    source = Image(slc, "yx", name="scene")
    return Halved(source=source, config=Nothing(), amplitude=np.abs(slc) / 2)


def test_every_radar_format_holds_what_it_says(tmp_path: Path) -> None:
    result = halved()
    chosen = {name: how for name, how in RADAR_FORMATS.items() if name != "dimap"}
    parts = ExportParts(formats=tuple(chosen), recipe=False, figure=False)
    written = export(result, tmp_path / "out", parts=parts)
    assert [path.name for path in written] == [
        "scene_despeckled" + ending for ending, _ in chosen.values()
    ]

    def read(ending: str) -> Any:
        with rasterio.open(tmp_path / "out" / f"scene_despeckled_{ending}.tif") as opened:
            return opened.read(1)

    amplitude = result.amplitude
    np.testing.assert_allclose(read("amplitude"), amplitude, rtol=1e-6)
    np.testing.assert_allclose(read("intensity"), amplitude**2, rtol=1e-6)
    inside = amplitude > 0
    decibel = read("dB")
    np.testing.assert_allclose(decibel[inside], 20 * np.log10(amplitude[inside]), atol=1e-4)
    assert np.isnan(decibel[~inside]).all()
    np.testing.assert_allclose(read("complex"), np.asarray(result.source.array) / 2, atol=1e-6)


def test_maps_lie_where_the_scene_lies_and_files_say_what_they_hold(tmp_path: Path) -> None:
    result = halved()
    points = tuple(
        GroundPoint(row, column, 10 + column, 50 - row) for row in (0, 40) for column in (0, 50)
    )
    product = SarProduct(
        ground_points=points, crs="EPSG:4326", tags={"TIFFTAG_IMAGEDESCRIPTION": "the SLC"}
    )
    object.__setattr__(
        result, "source", result.source.replace(metadata={SAR_KEY: product}, value_unit="")
    )
    coarse = np.arange(20, dtype=np.float32).reshape(4, 5)
    ratio = np.full((40, 50), 1.5, np.float32)
    images = [
        *result.images(),
        NamedImage("ratio", ratio, "residual"),
        NamedImage("dependence before", coarse, "map"),
    ]
    object.__setattr__(result, "images", lambda: iter(images))
    parts = ExportParts(formats=("decibel",), recipe=False, figure=False)
    export(result, tmp_path / "out", parts=parts)
    for name, values in (("ratio", ratio), ("dependence_before", coarse)):
        with rasterio.open(tmp_path / "out/maps" / f"{name}.tif") as opened:
            np.testing.assert_array_equal(opened.read(1), values)
            found = {(p.row, p.col): (p.x, p.y) for p in opened.gcps[0]}
            assert found[values.shape] == (60, 10)
            assert "without a unit" in opened.tags()["QUANTITY"]
    with rasterio.open(tmp_path / "out/scene_despeckled_dB.tif") as opened:
        tags = opened.tags()
    assert tags["QUANTITY"] == "digital numbers, intensity in dB"
    assert tags["TIFFTAG_IMAGEDESCRIPTION"].endswith("digital numbers, intensity in dB")
    assert tags["SOURCE_IMAGEDESCRIPTION"] == "the SLC"
    assert tags["TIFFTAG_SOFTWARE"].startswith("napari-lossviz")


def test_a_product_for_snap_needs_a_radar_product(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="BEAM-DIMAP"):
        export(halved(), tmp_path / "out", parts=ExportParts(formats=("dimap",)))


def test_calibration_needs_its_tables(tmp_path: Path) -> None:
    parts = ExportParts(formats=("intensity",), radar=RadarOutput(calibration="sigma0"))
    with pytest.raises(InputError, match="no table of calibration"):
        export(halved(), tmp_path / "out", parts=parts)
    assert not (tmp_path / "out").exists()


def test_the_picture_is_in_decibel(tmp_path: Path) -> None:
    parts = ExportParts(formats=(), recipe=False)
    (picture,) = export(halved(), tmp_path / "out", parts=parts)
    assert imread(picture).std() > 0.05


def test_a_beam_dimap_product_is_refused_before_the_run(tmp_path: Path, radar: Any) -> None:
    def check(image: Image, output: RadarOutput = RadarOutput()) -> None:
        check_export(
            image,
            tmp_path / "out.dim",
            to_file=True,
            overwrite=False,
            identity=Identity.HEADERS,
            radar=output,
        )

    with pytest.raises(InputError, match="real radar image"):
        check(halved().source)
    values = radar.values()
    (mapped,) = io.read(
        radar.geotiff(tmp_path / "a.tif", values, transform=rasterio.Affine(2, 0, 7, 0, -2, 9))
    )
    with pytest.raises(InputError, match="map projection"):
        check(mapped)
    points = tuple(GroundPoint(row, column, 1, 2) for row in (0, 40) for column in (0, 60))
    metadata = {SAR_KEY: SarProduct(ground_points=points)}
    image = Image(values, "yx", name="scene", metadata=metadata)
    check(image)
    with pytest.raises(InputError, match="real radar image"):
        check(image, RadarOutput("complex"))
    scattered = {SAR_KEY: SarProduct(ground_points=points[:3])}
    with pytest.raises(InputError, match="no grid"):
        check(image.replace(metadata=scattered))
