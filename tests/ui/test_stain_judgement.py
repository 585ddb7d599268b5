from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from skimage.color import hdx_from_rgb
from skimage.data import immunohistochemistry

from napari_lossviz.core import InputError
from napari_lossviz.metrics.image_quality import image_quality
from napari_lossviz.ui.stain import judgement
from napari_lossviz.ui.stain.judgement import HER2, KI67, Question, as_csv, judge

BROWN = np.linalg.inv(hdx_from_rgb)[1]


def slide(density: np.ndarray) -> np.ndarray:
    """Return an image with DAB of these densities on a white slide."""
    levels = 255 * 10 ** -(density[..., None] * BROWN)
    return np.rint(levels).astype(np.uint8)


def box(top: float, bottom: float, left: float, right: float) -> np.ndarray:
    """Return the outline of pixels from top to bottom and left to right, these not included."""
    y0, y1, x0, x1 = top - 0.5, bottom - 0.5, left - 0.5, right - 0.5
    return np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]])


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
    left, right = (box(0, 64, *columns) for columns in ((0, 16), (81, 96)))
    figures = judge(Question(slide(brown_and_empty()), outlines=[left])).figures["virtual"]
    assert figures["DAB density"] == pytest.approx(0.5, rel=0.02)
    assert figures["Tissue, Mpx"] == 64 * 16 / 1e6
    with pytest.raises(InputError, match="no tissue there"):
        judge(Question(slide(brown_and_empty()), outlines=[right]))


def test_nuclei_are_the_same_whatever_region_is_looked_at() -> None:
    section = immunohistochemistry()[220:380, 120:280]
    question = Question(section, marker=KI67, microns_per_pixel=0.5)
    halves = [box(0, 160, 0, 80), box(0, 160, 80, 160)]

    def found(*outlines: np.ndarray) -> np.ndarray:
        return judge(replace(question, outlines=outlines)).nuclei["virtual"].dab

    assert len(found()) > 10
    both = np.concatenate([found(half) for half in halves])
    np.testing.assert_allclose(np.sort(both), np.sort(found()))
    np.testing.assert_allclose(np.sort(found(*halves)), np.sort(found()))


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


def test_what_the_memory_does_not_suffice_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    free = SimpleNamespace(available=64 * 96 * 100)
    monkeypatch.setattr(judgement.psutil, "virtual_memory", lambda: free)
    question = Question(slide(brown_and_empty()), microns_per_pixel=0.5)
    judge(question)
    with pytest.raises(InputError, match="or judge pixels only"):
        judge(replace(question, marker=KI67))


def test_images_of_other_sizes_are_not_compared() -> None:
    image = slide(brown_and_empty())
    with pytest.raises(InputError, match="register it"):
        judge(Question(image, image[:32]))


def test_images_are_compared_strip_by_strip_as_in_one_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    virtual = immunohistochemistry()[:150, :200]
    real = virtual[:, ::-1].copy()
    region = np.zeros((150, 200), bool)
    region[10:129, 20:150] = True
    monkeypatch.setattr(judgement, "_STRIP", 64)
    found = judgement._quality(virtual, real, region)
    channels = [np.moveaxis(pixels, -1, 0) for pixels in (virtual, real)]
    whole = image_quality(*channels, (0.0, 255.0), np.broadcast_to(region, (3, 150, 200)))
    assert found.ssim == pytest.approx(whole.ssim, rel=1e-9)
    assert found.psnr == pytest.approx(whole.psnr, rel=1e-9)
    assert judgement._quality(virtual, virtual, region).psnr == np.inf
