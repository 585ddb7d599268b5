"""Spacing, affine, tilt, gaps: against the geometry the files were made with."""

import math

import numpy as np
import pytest

from napari_lossviz import io


def rotation() -> np.ndarray:
    """Return an oblique orthonormal frame: rows are the x, y and normal direction."""
    rng = np.random.default_rng(1)
    vectors, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    vectors[2] = np.cross(vectors[0], vectors[1])
    return vectors


def test_affine_takes_every_index_to_its_place_in_the_patient(made, tmp_path):
    """By the standard's equation C.7.6.2.1-1, for an oblique volume."""
    x, y, normal = rotation()
    origin = np.array([10.0, -50.0, 33.0])
    made.series(tmp_path, 5, lambda n: {
        "ImageOrientationPatient": [f"{v:.12f}" for v in (*x, *y)],
        "ImagePositionPatient": [f"{v:.10f}" for v in origin + 2.5 * n * normal],
    })  # fmt: skip
    (image,) = io.read(tmp_path)
    assert image.spacing == pytest.approx((2.5, 0.5, 0.25))
    assert image.warnings == ()
    for k, j, i in [(0, 0, 0), (4, 0, 0), (1, 5, 0), (2, 0, 7), (3, 4, 6)]:
        expected = origin + 2.5 * (k + 1) * normal + 0.5 * j * y + 0.25 * i * x
        found = image.patient_affine @ [k, j, i, 1]
        np.testing.assert_allclose(found, [*expected, 1], atol=1e-6)


@pytest.mark.parametrize("degrees", [-20.0, 5.0, 12.5])
def test_gantry_tilt_becomes_shear(made, tmp_path, degrees):
    """The table moves along z while the slices lean about x, as on a head CT."""
    angle = math.radians(degrees)
    made.series(tmp_path, 6, lambda n: {
        "ImageOrientationPatient": [1, 0, 0, 0, f"{math.cos(angle):.10f}",
                                    f"{math.sin(angle):.10f}"],
        "ImagePositionPatient": [0, 0, 5.0 * n],
    })  # fmt: skip
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [1, 2, 3, 4, 5, 6]
    # Spacing along the normal, step of the affine along the table.
    assert image.spacing[0] == pytest.approx(5 * math.cos(angle))
    np.testing.assert_allclose(image.patient_affine[:3, 0], [0, 0, 5], atol=1e-6)
    (warning,) = image.warnings
    assert f"tilt of {abs(degrees):.1f} degrees" in warning


def test_no_tilt_in_rounded_positions(made, tmp_path):
    made.series(tmp_path, 40, lambda n: {"ImagePositionPatient": [0.01 * (n % 2), 0, 1.0 * n]})
    (image,) = io.read(tmp_path)
    assert image.warnings == ()


def test_origins_that_stray(made, tmp_path):
    made.series(tmp_path, 6, lambda n: {"ImagePositionPatient": [3.0 * (n == 3), 0, 2.0 * n]})
    (image,) = io.read(tmp_path)
    assert any("stray" in text for text in image.warnings)


def test_missing_slices_are_named(made, tmp_path):
    for n in (1, 2, 3, 5, 6, 9):
        made.slice(tmp_path / str(n), n)
    (image,) = io.read(tmp_path)
    assert image.spacing[0] == 2
    (warning,) = image.warnings
    assert warning == (
        "missing slices: 1 between 6.00 and 10.00 mm along the slice normal (instances 3 and 5); "
        "2 between 12.00 and 18.00 mm along the slice normal (instances 6 and 9)"
    )


def test_slightly_uneven_positions_are_one_regular_volume(made, tmp_path):
    made.series(tmp_path, 5, lambda n: {
        "ImagePositionPatient": [0, 0, 0.625 * n + 0.001 * (n % 2)]
    })  # fmt: skip
    (image,) = io.read(tmp_path)
    assert image.warnings == ()
    assert image.spacing[0] == pytest.approx(0.625, abs=1e-3)


def test_single_slice(made, tmp_path):
    (image,) = io.read(made.slice(tmp_path / "x", 3))
    assert image.axes == "yx"
    assert image.spacing == (0.5, 0.25)
    np.testing.assert_array_equal(
        image.patient_affine, [[0, 0, 0.25, -10], [0, 0.5, 0, -20], [2, 0, 0, 6], [0, 0, 0, 1]]
    )


def test_detector_spacing_comes_with_a_warning(made, tmp_path):
    (image,) = io.read(made.slice(tmp_path / "x", PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.1]))
    assert image.spacing == (0.2, 0.1)
    assert image.units == ("mm", "mm")
    assert any("ImagerPixelSpacing" in text for text in image.warnings)


def test_unknown_spacing(made, tmp_path):
    (image,) = io.read(made.slice(tmp_path / "x", PixelSpacing=None))
    assert image.spacing == (1, 1)
    assert image.units == ("pixel", "pixel")


def test_differing_pixel_spacing_is_named_not_split(made, tmp_path):
    made.series(tmp_path, 3, lambda n: {"PixelSpacing": [0.5, 0.25] if n < 3 else [0.6, 0.6]})
    (image,) = io.read(tmp_path)
    assert image.shape == (3, 6, 8)
    assert any("pixel spacing differs" in text and "003.dcm" in text for text in image.warnings)


def test_positions_rounded_to_two_decimals_are_regular(made, tmp_path):
    """Slices 5/12 mm apart: the file's steps are 0.41 and 0.42 mm."""
    made.series(tmp_path, 12, lambda n: {"ImagePositionPatient": [0, 0, f"{5 / 12 * n:.2f}"]})
    (image,) = io.read(tmp_path)
    assert image.warnings == ()
    assert image.spacing[0] == pytest.approx(5 / 12, abs=1e-3)


def test_a_missing_slice_of_a_microscopic_scan_is_seen(made, tmp_path):
    steps = {n: 0.005 * n for n in (1, 2, 3, 5, 6)}
    for n, z in steps.items():
        made.slice(
            tmp_path / f"{n}.dcm",
            n,
            ImagePositionPatient=[0, 0, f"{z:.4f}"],
            PixelSpacing=[0.005, 0.005],
        )
    (image,) = io.read(tmp_path)
    assert any("missing slices: 1 between" in text for text in image.warnings)
