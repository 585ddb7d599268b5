"""What an image carries besides its pixels; multi-frame files; progress and cancelling."""

import pickle

import numpy as np
import pytest

from napari_lossviz import io
from napari_lossviz.core import Cancelled, InputError


def test_metadata_for_the_writer(made, tmp_path):
    made.series(tmp_path, 3, lambda n: {"ImagePositionPatient": [0, 0, -2.0 * n]})
    (image,) = io.read(tmp_path)
    dicom = image.metadata["dicom"]
    assert [dataset.InstanceNumber for dataset in dicom["datasets"]] == [3, 2, 1]
    assert dicom["frames"] is None
    assert dicom["frame_indices"] is None
    assert dicom["photometric"] == "MONOCHROME2"
    for dataset in dicom["datasets"]:
        assert "PixelData" not in dataset
        assert dataset.PatientID == "SECRET-ID"
        assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    copy = pickle.loads(pickle.dumps(image))
    assert copy.metadata["dicom"]["datasets"][0] == dicom["datasets"][0]
    assert copy.metadata["dicom"]["datasets"][0].file_meta == dicom["datasets"][0].file_meta
    assert image.origin.format == "dicom"
    assert image.origin.series_uid == dicom["datasets"][0].SeriesInstanceUID


def test_overlays_are_no_pixels(bundled):
    (image,) = io.read(bundled("examples_overlay.dcm"))
    groups = {tag.group for tag in image.metadata["dicom"]["datasets"][0].keys()}  # noqa: SIM118
    assert not any(0x6000 <= group <= 0x60FF for group in groups)
    assert 0x0028 in groups


def test_the_files_stay_as_they_are(made, tmp_path):
    paths = made.series(tmp_path, 3)
    before = [path.read_bytes() for path in paths]
    io.read(tmp_path)
    assert [path.read_bytes() for path in paths] == before


def test_enhanced_multi_frame(made, tmp_path):
    pixels = np.stack([made.slice_pixels(n) for n in (4, 1, 3, 2)])
    frames = [
        {"position": [1, 2, 3.0 * n], "slope": n, "intercept": -100 * n} for n in (4, 1, 3, 2)
    ]
    (image,) = io.read(made.enhanced(tmp_path / "x.dcm", frames, pixels))
    expected = np.stack([made.slice_pixels(n) * n - 100.0 * n for n in (1, 2, 3, 4)])
    np.testing.assert_array_equal(image.array, expected)
    assert image.spacing == (3.0, 0.5, 0.25)
    np.testing.assert_allclose(
        image.patient_affine, [[0, 0, 0.25, 1], [0, 0.5, 0, 2], [3, 0, 0, 3], [0, 0, 0, 1]]
    )
    assert image.value_unit == "HU"
    dicom = image.metadata["dicom"]
    assert len(dicom["datasets"]) == 1
    assert dicom["frames"] == 4
    assert dicom["frame_indices"] == (1, 3, 2, 0)
    assert image.origin.paths == (tmp_path / "x.dcm",)
    assert image.warnings == ()
    pickle.dumps(image)


def test_phases_in_one_enhanced_file(made, tmp_path):
    order = [(phase, n) for n in (1, 2, 3) for phase in (1, 2)]
    frames = [
        {"position": [0, 0, 2.0 * n], "phase": phase, "intercept": 500 * phase}
        for phase, n in order
    ]
    pixels = np.stack([made.slice_pixels(n) for _, n in order])
    first, second = io.read(made.enhanced(tmp_path / "x.dcm", frames, pixels))
    assert first.shape == second.shape == (3, 6, 8)
    np.testing.assert_array_equal(second.array - first.array, 500)
    assert first.metadata["dicom"]["frame_indices"] == (0, 2, 4)
    assert "temporal position 2" in second.name


def test_multi_frame_without_geometry_is_a_stack_with_a_warning(made, tmp_path):
    dataset = made.header(NumberOfFrames=3, ImagePositionPatient=None, ImageOrientationPatient=None)
    pixels = np.stack([made.slice_pixels(n) for n in (1, 2, 3)])
    (image,) = io.read(made.save(tmp_path / "x.dcm", dataset, pixels))
    assert image.axes == "zyx"
    np.testing.assert_array_equal(image.array, pixels - 1024.0)
    assert any("frames without positions" in text for text in image.warnings)


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm"])
def test_dose_grid(bundled, name):
    """Frame positions from GridFrameOffsetVector, values times DoseGridScaling."""
    (image,) = io.read(bundled(name))
    (expected,) = io.read(bundled("rtdose.dcm"))
    assert image.axes == "zyx"
    assert image.shape == (15, 10, 10)
    assert image.spacing == (5.0, 10.0, 10.0)
    np.testing.assert_array_equal(image.array, expected.array)
    (first,) = io.read(bundled("rtdose_1frame.dcm"))
    np.testing.assert_array_equal(image.array[0], first.array)


def test_colour_film(bundled):
    (image,) = io.read(bundled("examples_ybr_color.dcm"))
    assert image.axes == "zyxc"
    assert image.array.dtype == np.uint8
    assert image.shape == (30, 240, 320, 3)


def test_list_of_files_and_folders_together(made, tmp_path):
    made.series(tmp_path / "a", 2)
    lone = made.slice(tmp_path / "b.dcm", 3)
    (image,) = io.read([tmp_path / "a", str(lone), lone])
    assert made.numbers_of(image.array) == [1, 2, 3]


def test_every_file_and_slice_is_reported(made, tmp_path):
    made.series(tmp_path, 4)
    steps = []
    io.read(tmp_path, reporter=steps.append)
    assert all(0 <= step.done < step.total for step in steps)
    messages = [step.message for step in steps]
    assert sum("slice" in message for message in messages) == 4
    assert not any("SECRET" in message.upper() for message in messages)


@pytest.mark.parametrize("after", [1, 3, 7])
def test_a_reporter_can_stop_it(made, tmp_path, after):
    made.series(tmp_path, 4)
    calls = 0

    def stop(step):
        nonlocal calls
        calls += 1
        if calls == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        io.read(tmp_path, reporter=stop)
    assert calls == after


def test_a_volume_that_does_not_fit_says_so(made, tmp_path, monkeypatch):
    from napari_lossviz.core import OutOfMemoryError

    made.series(tmp_path, 3)

    def no_memory(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("napari_lossviz.io.dicom_volume.np.empty", no_memory)
    with pytest.raises(OutOfMemoryError, match="GB of memory"):
        io.read(tmp_path)


def test_nothing_given():
    with pytest.raises(InputError, match="holds no file"):
        io.read([])


def test_a_large_series_stays_in_its_files(made, tmp_path, monkeypatch):
    paths = made.series(tmp_path, 4)
    (held,) = io.read(tmp_path)
    (small,) = io.read(tmp_path, lazy=True)
    assert isinstance(small.array, np.ndarray)
    monkeypatch.setattr("napari_lossviz.io.dicom_volume.STAYS_IN_FILES", 1)
    (image,) = io.read(tmp_path, lazy=True)
    array = image.array
    assert not isinstance(array, np.ndarray)
    assert (array.shape, array.ndim, array.dtype) == (held.shape, 3, held.array.dtype)
    for index in (2, np.int64(-1), (1, slice(2, 5), 3), (slice(None), 0), slice(9, 9)):
        np.testing.assert_array_equal(np.asarray(array[index]), held.array[index])
    part = array[1:3, :, :]
    assert not isinstance(part, np.ndarray)
    np.testing.assert_array_equal(part, held.array[1:3])
    np.testing.assert_array_equal(array, held.array)
    assert image.metadata["dicom"]["frame_indices"] is None
    paths[1].unlink()
    with pytest.raises(InputError, match=paths[1].name):
        np.asarray(array)


def test_a_damaged_slice_is_left_out_of_a_series_in_its_files(made, tmp_path, monkeypatch):
    paths = made.series(tmp_path, 4)
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    (held,) = io.read(tmp_path)
    monkeypatch.setattr("napari_lossviz.io.dicom_volume.STAYS_IN_FILES", 1)
    (image,) = io.read(tmp_path, lazy=True)
    np.testing.assert_array_equal(image.array, held.array)
    assert image.warnings == held.warnings
