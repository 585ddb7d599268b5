from pathlib import Path

import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.cli.demo import body_of, demo


def test_body_is_the_largest_thing_with_its_cavities() -> None:
    volume = np.full((1, 40, 60), -1000.0)
    volume[0, 10:30, 10:40] = 40  # the body
    volume[0, 15:20, 15:20] = -900  # gas inside
    volume[0, 35:37, 5:55] = 100  # the table
    expected = np.zeros(volume.shape, bool)
    expected[0, 10:30, 10:40] = True
    np.testing.assert_array_equal(body_of(volume), expected)


def test_slice_of_air_has_no_body() -> None:
    assert not body_of(np.full((1, 8, 8), -1000.0)).any()


def test_body_of_the_sample_is_most_of_its_middle() -> None:
    body = body_of(np.asarray(samples.full_dose_ct()[0].array))
    assert body[:, 128, 128].all()
    assert not body[:, :5].any()
    assert 0.2 < body.mean() < 0.7


@pytest.mark.slow
def test_demo_gains_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(tmp_path / "out", window=False) == 0
    shown = capsys.readouterr().out
    gains = [float(part.split()[0]) for part in shown.split("+")[1:]]
    assert len(gains) == 2
    assert min(gains) >= 4.0
    for folder in (tmp_path / "out", tmp_path / "out" / "instant"):
        assert len(list((folder / "denoised").iterdir())) == 8
        for name in ("maps/maps.npz", "before_after.png", "recipe.json"):
            assert (folder / name).is_file()
