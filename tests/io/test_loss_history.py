from pathlib import Path

import pytest

from napari_lossviz.core import InputError
from napari_lossviz.io.loss_history import has_values, losses_beside, read_losses, write_losses


def test_losses_come_back_to_the_last_bit_and_may_differ_in_length(tmp_path: Path) -> None:
    history = {"total": [1 / 3, 1e-300, float("nan")], 'a "term", with commas': [-2.5]}
    path = write_losses(history, tmp_path / "losses.csv")
    found = read_losses(path)
    assert list(found) == list(history)
    assert found["total"][:2] == history["total"][:2]
    assert found["total"][2] != found["total"][2]
    assert found['a "term", with commas'] == [-2.5]
    assert path.read_text().splitlines()[1].startswith("1,0.333")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first row"),
        ("a,b\n1,2\n", "first row"),
        ("step,a,a\n", "first row"),
        ("step,a\n1\n", "line 2 has 1 cells"),
        ("step,a\n1,x\n", "'x' is no number"),
    ],
)
def test_a_table_of_another_kind_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "losses.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_losses(path)
    assert str(path) in str(caught.value)


def test_binary_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a table of losses"):
        read_losses(path)


def test_losses_lie_beside_their_recipe() -> None:
    assert losses_beside(Path("a/recipe.json")) == Path("a/losses.csv")
    assert losses_beside(Path("a/cells.recipe.json")) == Path("a/cells.losses.csv")


def test_a_history_without_a_number_has_no_values() -> None:
    assert not has_values({"total": [], "other": [float("nan")]})
    assert has_values({"total": [float("nan"), 1.0]})
