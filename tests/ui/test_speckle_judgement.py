"""What is said of points and areas that lie where there is no data."""

import csv
import io

import numpy as np
import pytest

from napari_lossviz.ui.speckle.judgement import Question, as_csv, judge, shown_rows


def question(points: list[tuple[int, int]], *, column: int = 30) -> Question:
    noisy = np.random.default_rng(0).exponential(size=(96, 96)).astype(np.float32)
    valid = np.ones(noisy.shape, bool)
    valid[:, :20] = False
    area = np.zeros(noisy.shape, bool)
    area[30:60, column : column + 10] = True
    despeckled = np.where(valid, 1 + noisy / 10, np.float32(0))
    return Question(
        noisy,
        despeckled,
        "result",
        valid=valid,
        find_areas=False,
        regions=(area,),
        points=tuple(points),
    )


def test_points_and_areas_with_data_are_judged_without_a_word() -> None:
    judgement = judge(question([(40, 50)]))
    assert judgement.left_out == ()
    titles = [row.title for row in shown_rows(list(judgement.figures.values()))]
    assert {"ENL", "Peak, dB"} <= set(titles)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(40, 5)], "There is no data at 1 point target: row 40 column 5."),
        ([(40, 5), (40, 50), (41, 6)], "at 2 point targets: row 40 column 5, row 41 column 6."),
        ([(y, 5) for y in range(5)], "5 point targets: row 0 column 5, row 1 column 5, row 2 "
         "column 5 and 2 more."),
    ],
)  # fmt: skip
def test_points_without_data_are_told(points: list[tuple[int, int]], words: str) -> None:
    judgement = judge(question(points))
    (said,) = judgement.left_out
    assert words in said
    (figures,) = judgement.figures.values()
    assert np.isfinite(figures.peak_change) == (len(points) == 3)


def test_areas_without_data_are_told() -> None:
    judgement = judge(question([], column=5))
    assert judgement.left_out == ("There is no data in 1 drawn area.",)
    (figures,) = judgement.figures.values()
    assert np.isnan(figures.enl)


def test_each_drawn_area_has_figures_of_its_own() -> None:
    rng = np.random.default_rng(1)
    noisy = rng.exponential(size=(96, 96))
    despeckled = np.where(np.arange(96) < 48, 1.25, 0.8) * rng.gamma(50, 1 / 50, noisy.shape)
    left = np.zeros(noisy.shape, bool)
    left[:, :40] = True
    asked = Question(
        noisy,
        despeckled,
        "result",
        find_areas=False,
        regions=(left, left[:, ::-1]),
        region_names=("field", "lake"),
    )
    judgement = judge(asked)
    (figures,) = judgement.figures.values()
    rows = {row.title: row for row in shown_rows([figures], judgement.areas)}
    for name, level, area in (("field", 1.25, left), ("lake", 0.8, left[:, ::-1])):
        (looks,) = rows[f"ENL, {name}"].value(figures)
        assert looks == pytest.approx(50, rel=0.1)
        before = rows[f"ENL, {name}"].before
        assert before is not None
        assert before(figures) == pytest.approx(1, rel=0.1)
        (bias,) = rows[f"Bias, dB, {name}"].value(figures)
        assert bias == pytest.approx(10 * np.log10(level / noisy[area].mean()), abs=0.05)
    (row,) = csv.DictReader(io.StringIO(as_csv(judgement.figures, judgement.areas)))
    assert float(row["bias_db lake"]) == pytest.approx(figures.areas[1].bias, abs=1e-4)
    assert judgement.missing == "There is no M-index: it needs the areas that are found."


def test_it_is_said_where_no_area_is_found() -> None:
    ramp = np.exp(np.linspace(0, 6, 64))[:, np.newaxis] * np.ones((64, 64))
    noisy = ramp * np.random.default_rng(0).exponential(size=ramp.shape)
    judgement = judge(Question(noisy, ramp, "result"))
    assert judgement.patches == ()
    assert "No homogeneous area was found" in judgement.missing
    flat = np.random.default_rng(0).exponential(size=(128, 128))
    assert judge(Question(flat, np.ones_like(flat), "result")).missing == ""
