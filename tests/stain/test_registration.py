from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import InputError, MissingPackageError
from napari_lossviz.stain.elastic import elastic_field, warp_elastic
from napari_lossviz.stain.registration import check_view, register, warp

CORNERS = np.array([[120, 120, 1], [300, 150, 1], [200, 330, 1.0]]).T


@pytest.fixture(scope="module")
def section(ihc: Any) -> NDArray[np.uint8]:
    """A section of real tissue, (420, 440), on an empty slide."""
    image = np.full((420, 440, 3), 240, np.uint8)
    y, x = np.mgrid[:340, :300]
    tissue = ((y - 170) / 160) ** 2 + ((x - 150) / (110 + 30 * np.sin(y / 60))) ** 2 < 1
    image[40:380, 70:370][tissue] = ihc[:340, :300][tissue]
    return image


def matrix_of(angle: float, scale: float, shift: Any, stretch: Any = 1.0) -> Any:
    turn = np.radians(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = linear @ (stretch * np.eye(2) if np.isscalar(stretch) else stretch)
    middle = np.array([209.5, 219.5])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = middle - linear @ middle + shift
    return matrix


def moved(section: NDArray[np.uint8], matrix: Any) -> NDArray[np.uint8]:
    """Return the section so that `matrix` leads from it to the moved one, in other colours."""
    inverse = np.linalg.inv(matrix)
    channels = [
        ndimage.affine_transform(
            section[..., c].astype(float), inverse[:2, :2], inverse[:2, 2], order=1, cval=240
        )
        for c in (2, 0, 1)
    ]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


@pytest.mark.parametrize(("angle", "scale", "shift"), [(37, 1.0, (12, -9)), (-152, 1.08, (0, 25))])
def test_planted_turns_are_found(
    section: Any, angle: float, scale: float, shift: tuple[float, float]
) -> None:
    planted = matrix_of(angle, scale, shift)
    found = register(moved(section, planted), section)
    assert found.angle == pytest.approx(angle, abs=0.3)
    assert found.scale == pytest.approx(scale, abs=0.01)
    assert np.abs((found.matrix - planted) @ CORNERS).max() < 1.5
    assert found.trusted
    assert not found.mirrored


def test_a_section_laid_upside_down_is_mirrored_back(section: Any) -> None:
    flip = np.array([[1, 0, 0], [0, -1, section.shape[1] - 1], [0, 0, 1.0]])
    planted = flip @ matrix_of(37, 1.0, (12, -9))
    found = register(moved(section, planted), section, affine=False)
    assert found.mirrored
    assert found.angle == pytest.approx(37, abs=0.3)
    assert found.scale == pytest.approx(1.0, abs=0.01)
    assert np.abs((found.matrix - planted) @ CORNERS).max() < 1.5


def test_no_pair_is_mirrored_by_chance(ihc: Any) -> None:
    """Two parts of a section that share nothing, of which the mirrored fit is the better one."""
    found = register(ihc[256:, :256], ihc[256:, 256:], affine=False)
    mirrored = register(ihc[256:, :256][:, ::-1], ihc[256:, 256:], affine=False)
    assert mirrored.correlation > found.correlation
    assert not found.mirrored


def test_stretch_and_shear_need_the_affine_step(section: Any) -> None:
    planted = matrix_of(10, 1.0, (5, 5), np.array([[1.06, 0.05], [0.0, 0.95]]))
    moving = moved(section, planted)
    rigid, affine = (register(moving, section, affine=choice) for choice in (False, True))
    errors = [np.abs((one.matrix - planted) @ CORNERS).max() for one in (rigid, affine)]
    assert errors[1] < 2 < errors[0]
    assert affine.correlation > rigid.correlation


def test_the_warped_image_lies_on_the_fixed_one(section: Any) -> None:
    moving = moved(section, matrix_of(37, 1.0, (12, -9)))
    warped = warp(moving, register(moving, section))
    assert warped.shape == section.shape
    inside = (section < 200).all(axis=-1)
    expected = section[..., [2, 0, 1]][inside].astype(int)
    assert np.abs(warped[inside].astype(int) - expected).mean() < 12
    view = check_view(section, warped, squares=4)
    np.testing.assert_array_equal(view[:105, :105], section[:105, :105])
    np.testing.assert_array_equal(view[:105, 105:210], warped[:105, 105:210])
    with pytest.raises(InputError, match="warp it first"):
        check_view(section, moving[:100])


def test_other_tissue_is_not_trusted_and_none_is_refused(section: Any) -> None:
    empty = np.full((100, 100, 3), 240, np.uint8)
    with pytest.raises(InputError, match="fixed image shows no tissue"):
        register(section, empty)
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    assert not register(noise, section[::3, ::3], affine=False).trusted


@pytest.mark.slow
def test_elastic_registration_lowers_a_planted_deformation(section: Any) -> None:
    pytest.importorskip("SimpleITK")
    y, x = np.mgrid[:420, :440].astype(np.float32)
    field = np.stack([5 * np.sin(x / 70), 5 * np.cos(y / 60)]).astype(np.float32)
    bent = warp_elastic(section, field)
    found = elastic_field(bent, section)
    assert found.shape == (2, 420, 440)
    inside = (section < 220).all(axis=-1)
    before, after = (
        np.abs(image[inside].astype(int) - section[inside]).mean()
        for image in (bent, warp_elastic(bent, found))
    )
    assert after < 0.5 * before


def test_without_simpleitk_the_command_is_told(
    section: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(MissingPackageError, match="pip install"):
        elastic_field(section, section)


def test_no_deformation_leaves_the_image(section: Any) -> None:
    unmoved = warp_elastic(section, np.zeros((2, 420, 440), np.float32))
    np.testing.assert_array_equal(unmoved, section)
