import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.core import Image, InputError, Selection
from napari_lossviz.io.sar_product import SAR_KEY, GroundPoint, SarProduct
from napari_lossviz.jobs.selection import select


def test_everything_is_the_image_itself() -> None:
    image = Image(np.zeros((2, 3)), "yx")
    assert select(image, Selection()) is image


def test_part_keeps_its_place_in_the_patient() -> None:
    (low,) = samples.low_dose_ct()
    part = select(low, Selection(ranges={"z": (2, 4), "x": (10, 60)}))
    np.testing.assert_array_equal(part.array, np.asarray(low.array)[2:4, :, 10:60])
    assert low.patient_affine is not None
    assert part.patient_affine is not None
    np.testing.assert_allclose(
        part.patient_affine @ [1, 5, 7, 1], low.patient_affine @ [3, 5, 17, 1]
    )


def test_mask_and_headers_follow() -> None:
    (low,) = samples.low_dose_ct()
    valid = np.random.default_rng(0).random(low.shape) > 0.5
    part = select(low.replace(valid=valid), Selection(ranges={"z": (3, 5)}))
    assert part.valid is not None
    np.testing.assert_array_equal(part.valid, valid[3:5])
    numbers = [d.InstanceNumber for d in part.metadata["dicom"]["datasets"]]
    assert numbers == [d.InstanceNumber for d in low.metadata["dicom"]["datasets"]][3:5]


def test_channels_can_be_selected_without_touching_the_mask() -> None:
    image = Image(np.zeros((4, 5, 3)), "yxc", valid=np.ones((4, 5), bool))
    part = select(image, Selection(ranges={"c": (0, 1), "y": (1, 3)}))
    assert part.shape == (2, 5, 1)
    assert part.valid is not None
    assert part.valid.shape == (2, 5)


@pytest.mark.parametrize("ranges", [{"z": (0, 1)}, {"y": (2, 2)}, {"y": (0, 9)}, {"x": (-1, 2)}])
def test_ranges_that_do_not_fit(ranges: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(InputError, match="image: "):
        select(Image(np.zeros((4, 5)), "yx"), Selection(ranges=ranges))


def test_a_radar_image_keeps_its_place_on_the_ground():
    points = (GroundPoint(0, 0, 10.0, 50.0), GroundPoint(20, 30, 11.0, 49.0))
    product = SarProduct(ground_points=points, transform=(2.0, 0.0, 100.0, 0.0, -2.0, 500.0))
    image = Image(np.ones((20, 30), np.complex64), "yx", metadata={SAR_KEY: product})
    part = select(image, Selection(ranges={"y": (5, 15), "x": (7, 20)}))
    moved = part.metadata[SAR_KEY]
    assert (moved.line, moved.sample) == (5, 7)
    assert (moved.ground_points[1].row, moved.ground_points[1].column) == (15, 23)
    assert (moved.transform[2], moved.transform[5]) == (114.0, 490.0)
    whole = select(image, Selection(ranges={"x": (0, 30)})).metadata[SAR_KEY]
    assert whole == product
