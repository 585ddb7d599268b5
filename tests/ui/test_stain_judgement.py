import numpy as np
import pytest
from skimage.color import hdx_from_rgb
from skimage.data import immunohistochemistry

from napari_lossviz.core import InputError
from napari_lossviz.ui.stain.judgement import HER2, KI67, Question, as_csv, judge

BROWN = np.linalg.inv(hdx_from_rgb)[1]


def slide(density: np.ndarray) -> np.ndarray:
    """Return an image with DAB of these densities on a white slide."""
    levels = 255 * 10 ** -(density[..., None] * BROWN)
    return np.rint(levels).astype(np.uint8)


def brown_and_empty() -> np.ndarray:
    density = np.zeros((64, 96))
    density[:, :32], density[:, 32:64] = 0.5, 0.3
    return density


def test_densities_and_scores_of_known_brown() -> None:
    figures = judge(Question(slide(brown_and_empty()))).figures["virtual"]
    assert figures["DAB density"] == pytest.approx(0.4, rel=0.02)
    assert figures["Positive area, %"] == pytest.approx(100, abs=3)
    assert figures["Pixel H-score"] == pytest.approx(150, abs=5)  # half weak, half moderate


def test_a_region_is_judged_alone() -> None:
    region = np.zeros((64, 96), bool)
    region[:, :16] = True
    figures = judge(Question(slide(brown_and_empty()), region=region)).figures["virtual"]
    assert figures["DAB density"] == pytest.approx(0.5, rel=0.02)
    with pytest.raises(InputError, match="no tissue there"):
        judge(Question(slide(brown_and_empty()), region=~region & (np.arange(96) > 80)))


def test_a_known_bias_between_real_and_virtual_is_found() -> None:
    random = np.random.default_rng(0)
    real = np.repeat(np.repeat(random.uniform(0.2, 0.6, (6, 6)), 16, 0), 16, 1)
    real[:4] = 0  # the empty slide, from which white is estimated
    virtual = np.where(real > 0, real + 0.1, 0)
    answer = judge(Question(slide(virtual), slide(real), tile=16))
    assert answer.agreement is not None
    assert answer.quality is not None
    assert answer.agreement.bias == pytest.approx(0.1, abs=0.01)
    assert answer.agreement.correlation > 0.99
    assert f"bias of tiles,,{answer.agreement.bias:.6g}" in as_csv(answer)
    few = judge(Question(slide(virtual), slide(real), tile=96))
    assert few.agreement is None
    assert "at least 4" in few.remark


def test_nuclei_need_a_pixel_size_and_give_the_markers_figure() -> None:
    section = immunohistochemistry()[220:380, 120:280]
    with pytest.raises(InputError, match="pixel size is unknown"):
        judge(Question(section, marker=KI67))
    for marker, name in ((KI67, "Ki67 index, %"), (HER2, "Membrane positive, %")):
        answer = judge(Question(section, marker=marker, microns_per_pixel=0.5))
        figures = answer.figures["virtual"]
        assert figures["Nuclei"] == answer.nuclei["virtual"].count > 3
        assert 0 <= figures[name] <= 100


def test_images_of_other_sizes_are_not_compared() -> None:
    image = slide(brown_and_empty())
    with pytest.raises(InputError, match="register it"):
        judge(Question(image, image[:32]))
