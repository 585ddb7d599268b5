"""Which files make a volume, in which order."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_lossviz import io


def test_slices_are_sorted_by_position_not_by_name_or_number(made, tmp_path):
    made.series(tmp_path, 6, lambda n: {"ImagePositionPatient": [0, 0, -3.0 * n]})
    (image,) = io.read(tmp_path)
    # The normal points along +z; position -18 comes first.
    assert made.numbers_of(image.array) == [6, 5, 4, 3, 2, 1]
    assert [path.name for path in image.origin.paths] == [f"00{n}.dcm" for n in range(6, 0, -1)]
    assert image.axes == "zyx"
    assert image.spacing == (3.0, 0.5, 0.25)
    assert image.units == ("mm", "mm", "mm")
    assert image.warnings == ()


@pytest.fixture(scope="module")
def mixed(made, tmp_path_factory):
    """Return paths of a series with a gap, a scout and two phases, and of a second series."""
    folder = tmp_path_factory.mktemp("mixed")
    paths = [
        made.slice(folder / f"p{phase}_{n}", n, series="1", sop=f"{phase}{n}",
                   AcquisitionNumber=phase, RescaleIntercept=-1024 + 1000 * phase)
        for phase in (1, 2)
        for n in (1, 2, 4, 5)
    ]  # fmt: skip
    paths.append(
        made.slice(folder / "scout", 99, series="1", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
                   ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    )  # fmt: skip
    paths += [made.slice(folder / f"other_{n}", n, series="2", SeriesNumber=2) for n in (1, 2, 3)]
    return paths


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_order_of_files_gives_the_same_volumes(mixed, data):
    expected = io.read(mixed)
    found = io.read(data.draw(st.permutations(mixed)))
    assert [image.name for image in found] == [image.name for image in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.array, other.array)
        np.testing.assert_array_equal(one.patient_affine, other.patient_affine)
        assert one.origin == other.origin
        assert one.warnings == other.warnings


def test_the_mixed_series_is_what_was_put_in(mixed):
    other, first, second, scout = io.read(mixed)
    assert other.shape == (3, 6, 8)
    assert "acquisition 1" in first.name
    assert "acquisition 2" in second.name
    np.testing.assert_array_equal(second.array - first.array, 1000)
    assert any("missing slices: 1 between 4.00 and 8.00 mm" in text for text in first.warnings)
    assert scout.axes == "yx"
    assert "localizer" in scout.name


def test_folder_is_searched_with_subfolders_and_hidden_files_are_not(made, tmp_path):
    made.series(tmp_path / "a" / "b", 2)
    made.slice(tmp_path / "c" / "x", 3)
    made.slice(tmp_path / ".hidden", 4)
    made.slice(tmp_path / ".folder" / "y", 5)
    (tmp_path / "DICOMDIR").write_bytes(b"whatever")
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [1, 2, 3]
    assert image.warnings == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda n: {"AcquisitionNumber": n},
        lambda n: {"SliceThickness": 1.0 + n},
        lambda n: {"AcquisitionNumber": 1 + n // 3, "SliceThickness": 1.0 + n // 3},
        lambda n: {"AcquisitionTime": f"1200{n:02d}"},
        lambda n: {"SpacingBetweenSlices": float(n)},
        lambda n: {"WindowCenter": 10 * n, "WindowWidth": 100},
        lambda n: {"KVP": 80 + n},
    ],
)
def test_these_never_split_a_series(made, tmp_path, change):
    made.series(tmp_path, 6, change)
    images = io.read(tmp_path)
    assert [image.shape for image in images] == [(6, 6, 8)]


def test_unequal_spacing_is_one_volume_with_a_warning_that_names_where(made, tmp_path):
    made.series(tmp_path, 6, lambda n: {
        "ImagePositionPatient": [0, 0, 2.0 * n if n < 5 else 3.0 * n - 4.0]
    })  # fmt: skip
    (image,) = io.read(tmp_path)
    (warning,) = image.warnings
    assert "unequal slice spacing: 3 mm between 8.00 and 11.00 mm" in warning
    assert "instances 4 and 5" in warning
    assert image.spacing[0] == 2.0


@pytest.mark.parametrize(
    ("keyword", "values", "words"),
    [
        ("AcquisitionNumber", (3, 7), "acquisition"),
        ("TemporalPositionIdentifier", (1, 2), "temporal position"),
        ("EchoTime", (4.6, 9.2), "echo time"),
        ("AcquisitionTime", ("101500", "101530"), "acquired"),
        ("TriggerTime", (0.0, 40.0), "trigger time"),
        ("ImageType", (["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]), "image type"),
    ],
)
def test_phases_at_the_same_positions_are_images_of_their_own(
    made, tmp_path, keyword, values, words
):
    for part, value in enumerate(values):
        for n in range(1, 5):
            # Interleaved instance numbers, as scanners write them.
            made.slice(
                tmp_path / f"{part}{n}", n, sop=f"{part}{n}", InstanceNumber=2 * n + part,
                RescaleIntercept=-1024 + 500 * part, **{keyword: value},
            )  # fmt: skip
    first, second = io.read(tmp_path)
    assert first.name != second.name
    assert words in first.name
    assert words in second.name
    assert first.shape == second.shape == (4, 6, 8)
    np.testing.assert_array_equal(second.array - first.array, 500)
    assert first.warnings == second.warnings == ()


def test_echoes_within_phases_make_four_volumes(made, tmp_path):
    for phase in (1, 2):
        for echo in (1, 2):
            for n in (1, 2, 3):
                made.slice(
                    tmp_path / f"{phase}{echo}{n}", n, sop=f"{phase}{echo}{n}",
                    TemporalPositionIdentifier=phase, EchoNumbers=echo,
                    RescaleIntercept=100 * phase + 10 * echo,
                )  # fmt: skip
    images = io.read(tmp_path)
    assert [image.shape for image in images] == [(3, 6, 8)] * 4
    assert [image.name.split(", ", 1)[1] for image in images] == [
        f"temporal position {phase}, echo {echo}" for phase in (1, 2) for echo in (1, 2)
    ]
    assert [image.array[0, 0, 0] - 1010 for image in images] == [110, 120, 210, 220]


def test_phases_with_an_acquisition_number_for_each_rotation(made, tmp_path):
    """Neither number splits alone; the order in time does, and the reader says so."""
    for part in (0, 1):
        for n in range(1, 5):
            made.slice(
                tmp_path / f"{part}{n}", n, sop=f"{part}{n}", AcquisitionNumber=10 * part + n,
                InstanceNumber=10 * part + n, RescaleIntercept=500 * part,
            )  # fmt: skip
    first, second = io.read(tmp_path)
    np.testing.assert_array_equal(second.array - first.array, 500)
    assert "phase 1 of 2" in first.name
    assert "order" in first.warnings[0]


def test_two_acquisitions_that_meet_at_one_slice_stay_one_volume(made, tmp_path):
    made.series(tmp_path, 6, lambda n: {"AcquisitionNumber": 1 if n < 4 else 2})
    made.slice(tmp_path / "again", 4, sop="40", AcquisitionNumber=1, InstanceNumber=40)
    volume, rest = io.read(tmp_path)
    assert volume.shape == (6, 6, 8)
    assert rest.axes == "yx"
    assert "duplicate" in rest.name
    assert any("duplicate slice positions" in text and "8 mm" in text for text in volume.warnings)


def test_the_same_file_twice_counts_once(made, tmp_path):
    paths = made.series(tmp_path, 3)
    shutil.copy(paths[1], tmp_path / "zz_copy.dcm")
    (image,) = io.read(tmp_path)
    assert image.shape == (3, 6, 8)
    assert any("zz_copy.dcm is a copy of 002.dcm" in text for text in image.warnings)


def test_one_uid_for_all_slices_loses_none(made, tmp_path):
    made.series(tmp_path, 4, lambda n: {"sop": "1"})
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [1, 2, 3, 4]


def test_different_orientation_and_shape_are_split(made, tmp_path):
    made.series(tmp_path, 3)
    coronal = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    for n in (11, 12):
        made.slice(tmp_path / f"c{n}", n, ImagePositionPatient=[0, 2.0 * n, 0], **coronal)
    made.save(tmp_path / "large", made.header(instance=30), np.full((9, 9), 1000, np.uint16))
    images = io.read(tmp_path)
    assert [image.shape for image in images] == [(3, 6, 8), (2, 6, 8), (9, 9)]
    assert "axial" in images[0].name
    assert "coronal" in images[1].name


def test_without_geometry_the_instance_number_decides_and_the_reader_says_so(made, tmp_path):
    made.series(tmp_path, 4, lambda n: {
        "ImagePositionPatient": None, "ImageOrientationPatient": None, "InstanceNumber": 10 - n
    })  # fmt: skip
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [4, 3, 2, 1]
    assert image.patient_affine is None
    assert any("instance numbers" in text and "2 mm" in text for text in image.warnings)


def test_projections_of_one_series_are_not_a_volume(made, tmp_path):
    made.series(tmp_path, 3, lambda n: {
        "Modality": "DX", "ImagePositionPatient": None, "ImageOrientationPatient": None,
    })  # fmt: skip
    assert [image.axes for image in io.read(tmp_path)] == ["yx"] * 3


def test_series_are_told_apart_by_uid_and_ordered_by_number(made, tmp_path):
    for series, number in (("7", 9), ("8", 4)):
        for n in (1, 2):
            made.slice(
                tmp_path / f"{series}{n}", n, series=series, SeriesNumber=number,
                SeriesDescription=f"Head {series}",
            )  # fmt: skip
    assert [image.name for image in io.read(tmp_path)] == ["Head 8", "Head 7"]
    assert io.read(tmp_path)[0].origin.series_uid.endswith(".8")


def test_the_ct_series_that_pydicom_ships(bundled):
    (image,) = io.read(bundled("dicomdirtests/77654033/CT2"))
    assert [path.name for path in image.origin.paths] == ["17106", "17136", "17166", "17196"]
    assert image.shape == (4, 16, 16)
    assert image.spacing[0] == pytest.approx(1.25)
    # 202.5 mm between the first two slices: 161 slices of 1.25 mm are not there.
    assert any("161 between -99.48 and 103.02 mm" in text for text in image.warnings)


def test_a_whole_disc_of_several_patients(bundled):
    images = io.read(bundled("dicomdirtests"))
    by_name = {image.name: image for image in images}
    assert by_name["Routine Brain"].shape == (4, 16, 16)
    assert by_name["SmartScore - Gated 0.5 sec"].shape == (5, 16, 16)
    assert by_name["SmartScore - Gated 0.5 sec"].spacing[0] == pytest.approx(2.5)
    assert by_name["Scout, localizer 1"].axes == "yx"
    assert sum("ANGIO" in name for name in by_name) == 7  # seven views around an axis
    assert sum(image.name.startswith("Cervical") for image in images) == 3
    assert any("could not be read" in text for text in images[0].warnings)  # no pixels in there


def test_the_name_never_tells_the_patient(made, tmp_path):
    made.slice(tmp_path / "x")
    (image,) = io.read(tmp_path / "x")
    assert image.name == "CT 3"
    with tempfile.TemporaryDirectory() as folder:
        made.slice(Path(folder) / "y", SeriesDescription=" Thorax \n 1.0 ")
        assert io.read(folder)[0].name == "Thorax 1.0"


def test_frames_that_share_the_position_of_their_file_stay_together(made, tmp_path):
    """Without functional groups one position for all frames says where none of them lies."""
    pixels = np.stack([made.slice_pixels(k) for k in range(4)])
    made.save(tmp_path / "a.dcm", made.header(NumberOfFrames=4), pixels)
    (image,) = io.read(tmp_path)
    assert made.numbers_of(image.array) == [0, 1, 2, 3]
    assert image.patient_affine is None
    assert any("4 frames without positions" in text for text in image.warnings)
