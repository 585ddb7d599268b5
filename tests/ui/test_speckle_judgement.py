"""What is said of points and areas that lie where there is no data."""

import numpy as np
import pytest

from napari_lossviz.ui.speckle.judgement import Question, judge, shown_rows


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
