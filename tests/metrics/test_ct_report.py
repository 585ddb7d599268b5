"""The physicist's figures before and after, against what was put into the images."""

import csv
import io

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_lossviz.core import InputError
from napari_lossviz.metrics.ct_regions import (
    Area,
    drawn_regions,
    found_regions,
    hu_classes,
    looks_like_hounsfield,
)
from napari_lossviz.metrics.ct_report import CtReport, Disc, Estimate, Lesion, ct_report
from napari_lossviz.metrics.ct_table import as_csv, in_brackets, in_words, rows_of, spectra_as_csv

SPACING = (0.8, 0.8)


def noise(shape: tuple[int, ...], deviation: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, deviation, shape)


def circle(size: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.indices((size, size))
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def body(size: int = 192) -> np.ndarray:
    """A body of 60 HU in air, with fat, bone, and vessels in its lower part."""
    image = np.full((size, size), -1000.0)
    image[circle(size, (96, 96), 88)] = 60
    image[120:150, 60:80] = -100
    image[120:150, 110:130] = 700
    y, x = np.indices(image.shape)
    vessels = (y > 130) & (y < 170) & (np.sin(x / 3) > 0.3) & circle(size, (96, 96), 80)
    image[vessels & (image == 60)] += 80
    return image


def test_found_squares_hold_no_structure_and_all_of_the_noise() -> None:
    truth = body()
    image = (truth + noise(truth.shape, 20.0))[None]
    regions = found_regions(image)
    assert regions.squares is not None
    assert len(regions.squares.corners) >= 10
    for _, y, x in regions.squares.corners:
        held = truth[y : y + regions.squares.side, x : x + regions.squares.side]
        assert np.ptp(held) == 0
    report = ct_report({"before": image}, regions, SPACING)
    found = report.figures["before"].noise
    assert found.value == pytest.approx(20, rel=0.03)
    assert 0 < found.error < 1
    assert "found flat" in regions.how
    assert "HU classes" in regions.how


def test_classes_keep_away_from_edges_and_from_padding() -> None:
    truth = body()
    valid = np.ones(truth.shape, bool)
    valid[:, 96:] = False
    areas = {area.name: area.mask for area in hu_classes(truth, 3, valid)}
    assert set(areas) == {"air, lung", "fat", "soft tissue"}
    assert (truth[areas["fat"]] == -100).all()
    assert (truth[areas["soft tissue"]] <= 140).all()
    assert not areas["soft tissue"][:, 96:].any()


def test_chance_alone_moves_no_class() -> None:
    """A class by the values of single noisy pixels would have a bias by its choice alone."""
    truth = body()
    image = (truth + noise(truth.shape, 40.0))[None]
    report = ct_report({"before": image, "after": truth[None]}, found_regions(image), SPACING)
    for tissue in report.figures["after"].tissues:
        assert abs(tissue.bias.value) < max(4 * tissue.bias.error, 0.5), tissue
    fat = next(one for one in report.figures["after"].tissues if one.name == "fat")
    assert fat.mean == pytest.approx(-100, abs=0.1)


def test_bias_and_its_error_in_drawn_regions() -> None:
    before = noise((1, 128, 128), 15.0)
    left = np.zeros((128, 128), bool)
    left[:, :64] = True
    after = np.where(left, before + 3, before - 1)
    areas = [Area("liver", left), Area("fat", ~left)]
    report = ct_report({"b": before, "a": after}, drawn_regions(areas), SPACING)
    liver, fat = report.figures["a"].tissues
    assert (liver.bias.value, fat.bias.value) == pytest.approx((3, -1))
    assert liver.bias.error == pytest.approx(0, abs=1e-9)
    # against another reference the noise is in the difference: its error is that of the mean
    zero = np.zeros_like(before)
    report = ct_report({"b": before}, drawn_regions(areas), SPACING, reference=zero)
    error = report.figures["b"].tissues[0].bias.error
    assert error == pytest.approx(15 / np.sqrt(left.sum()), rel=0.2)


def test_contrast_to_noise_is_against_the_first_region() -> None:
    image = noise((1, 128, 128), 10.0)
    right = np.zeros((128, 128), bool)
    right[:, 64:] = True
    image[:, right] += 30
    report = ct_report(
        {"b": image}, drawn_regions([Area("liver", ~right), Area("lesion", right)]), SPACING
    )
    liver, lesion = report.figures["b"].tissues
    assert np.isnan(liver.cnr)
    assert lesion.cnr == pytest.approx(3, rel=0.03)


def test_smoothing_moves_noise_to_low_frequencies() -> None:
    before = noise((2, 160, 160), 30.0)
    after = gaussian_filter(before, (0, 1.2, 1.2))
    everywhere = np.ones((160, 160), bool)
    regions = drawn_regions([Area("water", everywhere, n) for n in (0, 1)])
    lesion = Lesion(10.0, 12.0)
    report = ct_report({"before": before, "after": after}, regions, SPACING, lesion=lesion)
    first, last = report.figures.values()
    assert last.mean_frequency.value < 0.6 * first.mean_frequency.value
    assert last.mean_frequency.error < 0.1 * last.mean_frequency.value
    assert first.lesion_cnr == pytest.approx(12 / 30, rel=0.05)
    assert first.power is not None
    cell = np.prod([f[1] - f[0] for f in (first.power.frequency_y, first.power.frequency_x)])
    assert first.power.power.sum() * cell == pytest.approx(first.noise.value**2, rel=1e-9)
    # without an edge the blur is not seen, and it is said so
    assert last.detectability.value > first.detectability.value
    assert any("No edge is given" in one for one in report.cautions)
    assert "does not count its blur" in report.in_short
    assert report.alarms == ()


def test_an_edge_brings_the_blur_into_the_detectability() -> None:
    """A linear filter takes signal and noise alike: with the edge, d' hardly changes."""
    size = 200
    sharp = gaussian_filter(800.0 * circle(size, (60, 60), 18), 0.8)
    before = sharp + noise((1, size, size), 10.0)
    after = gaussian_filter(before, (0, 1.5, 1.5))
    ground = np.zeros((size, size), bool)
    ground[110:, :] = True
    ground[:, 110:] = True
    options = {"lesion": Lesion(6.0, 20.0)}
    images = {"before": before, "after": after}
    regions = drawn_regions([Area("water", ground)])
    disc = Disc((60, 60), 18 * SPACING[0])
    blind = ct_report(images, regions, SPACING, **options)
    seeing = ct_report(images, regions, SPACING, disc=disc, **options)

    def gain(report: CtReport) -> float:
        first, last = (one.detectability.value for one in report.figures.values())
        return last / first

    assert gain(blind) > 1.5 * gain(seeing)
    assert 0.8 < gain(seeing) < 1.6
    first, last = seeing.figures.values()
    # two Gaussians in a row: their variances add
    expected = np.sqrt(np.log(2) / 2) / np.pi / (np.hypot(0.8, 1.5) * SPACING[0])
    assert last.ttf50 == pytest.approx(expected, rel=0.06)
    assert first.ttf50 > 1.5 * last.ttf50
    assert not any("No edge" in one for one in seeing.cautions)
    assert "blur" not in seeing.in_short


def test_edges_that_noise_hides_are_told() -> None:
    size = 160
    disc = 60.0 * circle(size, (50, 50), 15)
    image = (gaussian_filter(disc, 0.8) + noise((size, size), 20.0))[None]
    ground = np.zeros((size, size), bool)
    ground[90:] = True
    regions = drawn_regions([Area("water", ground)])
    report = ct_report({"scan": image}, regions, SPACING, disc=Disc((50, 50), 12.0))
    assert any("times the noise" in one for one in report.alarms)
    small = ct_report({"scan": image}, regions, SPACING, disc=Disc((50, 50), 1.0))
    assert any("no task transfer function" in one for one in small.alarms)
    assert np.isnan(small.figures["scan"].ttf50)


def test_few_and_small_regions() -> None:
    image = noise((1, 64, 64), 10.0)
    one = np.zeros((64, 64), bool)
    one[:16, :16] = True
    report = ct_report({"scan": image}, drawn_regions([Area("a", one)]), SPACING)
    assert any(text.startswith("1 square tells") for text in report.alarms)
    assert np.isnan(report.figures["scan"].noise.error)
    tiny = np.zeros((64, 64), bool)
    tiny[:5, :5] = True
    report = ct_report({"scan": image}, drawn_regions([Area("a", tiny)]), SPACING)
    assert report.figures["scan"].power is None
    assert report.figures["scan"].tissues[0].pixels == 25
    assert "No square for a noise power spectrum" in report.cautions[0]


def test_a_lesion_larger_than_the_squares_is_told() -> None:
    image = noise((1, 64, 64), 9.0)
    mask = np.zeros((64, 64), bool)
    mask[:24, :] = True  # squares of 16 pixels, 12.8 mm
    regions = drawn_regions([Area("water", mask)])
    assert regions.squares is not None
    assert regions.squares.side == 16
    for diameter, told in ((12.0, False), (14.0, True)):
        report = ct_report({"b": image}, regions, SPACING, lesion=Lesion(diameter, 20.0))
        assert any("12.8 mm wide, are smaller" in one for one in report.alarms) is told


@pytest.mark.parametrize("diameter", [0.0, -1.0, float("nan")])
def test_lesions_that_are_none(diameter: float) -> None:
    with pytest.raises(InputError, match="diameter"):
        Lesion(diameter, 20.0)
    with pytest.raises(InputError, match="contrast"):
        Lesion(5.0, 0.0)


def test_what_cannot_be_measured_is_refused() -> None:
    image = noise((1, 64, 64), 10.0)
    with pytest.raises(InputError, match="no region"):
        drawn_regions([])
    with pytest.raises(InputError, match="'lost' holds no pixel"):
        drawn_regions([Area("lost", np.zeros((64, 64), bool))])
    with pytest.raises(InputError, match="no flat area"):
        found_regions(np.full((1, 64, 64), -1000.0))
    regions = drawn_regions([Area("a", np.ones((64, 64), bool))])
    with pytest.raises(InputError, match="after"):
        ct_report({"before": image, "after": image[:, 1:]}, regions, SPACING)
    with pytest.raises(InputError, match="no image"):
        ct_report({}, regions, SPACING)


def test_values_of_unknown_unit() -> None:
    assert looks_like_hounsfield(body())
    assert not looks_like_hounsfield(np.linspace(0, 1, 9))


def test_the_table_tells_every_figure_with_its_error() -> None:
    before = (body() + noise((192, 192), 20.0))[None]
    after = gaussian_filter(before, (0, 1, 1))
    report = ct_report({"before": before, "after": after}, found_regions(before), SPACING)
    titles = [row.title for row in rows_of(report)]
    assert titles[:3] == ["Noise, HU", "NPS peak, 1/mm", "NPS mean, 1/mm"]
    assert "Bias fat, HU" in titles
    assert "TTF50, 1/mm" not in titles  # no image has one
    table = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [line["image"] for line in table] == ["before", "after"]
    figures = report.figures["after"]
    assert float(table[1]["noise_hu"]) == pytest.approx(figures.noise.value, rel=1e-4)
    assert float(table[1]["noise_hu error"]) == pytest.approx(figures.noise.error, rel=1e-4)
    spectra = list(csv.DictReader(io.StringIO(spectra_as_csv(report))))
    power = figures.power
    assert power is not None
    assert len(spectra) == 2 * len(power.radial_power)
    assert {line["unit"] for line in spectra} == {"HU2 mm2"}


@pytest.mark.parametrize(
    ("value", "error", "words", "brackets"),
    [
        (12.3456, 0.234, "12.3 ± 0.2", "12.3(2)"),
        (12.3456, 3.4, "12 ± 3", "12(3)"),
        (0.20347, 0.0014, "0.203 ± 0.001", "0.203(1)"),
        (123.4, 34.0, "123 ± 34", "123(34)"),
        (0.5, 0.96, "0.5 ± 1.0", "0.5(10)"),
        (0.123456, np.nan, "0.123", "0.123"),
        (np.nan, np.nan, "–", "–"),
    ],
)
def test_digits_follow_the_error(value: float, error: float, words: str, brackets: str) -> None:
    assert in_words(Estimate(value, error)) == words
    assert in_brackets(Estimate(value, error)) == brackets
