import json
from pathlib import Path

import pytest
import tyro

from napari_lossviz.cli.options import options_of, starting_point, to_config
from napari_lossviz.core import InputError, MethodConfig
from napari_lossviz.jobs.registry import Method


def parse(base: MethodConfig, *arguments: str) -> MethodConfig:
    return to_config(tyro.cli(options_of(base), args=list(arguments)), base)


def test_every_field_is_an_option(halving: Method) -> None:
    config = parse(
        halving.load_config()(), "--times", "3", "--lambda", "2.5", "--window", "-160", "240"
    )
    assert config.model_dump() == {
        "times": 3, "lambda_": 2.5, "window": (-160.0, 240.0), "device": "auto",
    }  # fmt: skip


def test_help_has_description_unit_and_range(
    halving: Method, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(halving.load_config()(), "--help")
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "How often to halve. [at least 0, at most 9]" in text
    assert "Weight of nothing. [in HU, above 0]" in text


def test_preset_then_file_then_options(halving: Method, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"lambda_": 7.0}))
    arguments = ["in", "-o", "out", "--config", str(file), "--preset=strong", "--device", "cpu"]
    base = starting_point(halving, arguments)
    assert base.model_dump(exclude={"window"}) == {"times": 4, "lambda_": 7.0, "device": "auto"}
    assert parse(base, "--device", "cpu").model_dump(exclude={"window"}) == {
        "times": 4, "lambda_": 7.0, "device": "cpu",
    }  # fmt: skip


def test_configuration_from_a_recipe(halving: Method, tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    recipe = {"recipe_version": 1, "method": "halving", "config": {"times": 2}}
    file.write_text(json.dumps(recipe))
    assert starting_point(halving, ["--config", str(file)]) == halving.load_config()(times=2)
    file.write_text(json.dumps(recipe | {"method": "doubling"}))
    with pytest.raises(InputError, match="recipe of 'doubling', not of 'halving'"):
        starting_point(halving, ["--config", str(file)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "expected a JSON object of settings"),
        ('{"times": 99}', "--times: Input should be less than or equal to 9"),
        ('{"tims": 1}', "--tims: Extra inputs are not permitted"),
        (None, "cannot be read"),
    ],
)
def test_bad_configuration_files(
    halving: Method, tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "config.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        starting_point(halving, ["--config", str(file)])
    assert "config.json" in str(caught.value)


def test_values_out_of_range_name_their_option(halving: Method) -> None:
    base = halving.load_config()()
    with pytest.raises(InputError, match="--times: Input should be less than or equal to 9"):
        parse(base, "--times", "10")
    with pytest.raises(InputError, match="the low end must lie below the high end"):
        parse(base, "--window", "2", "1")


def test_unknown_preset_lists_those_there_are(halving: Method) -> None:
    with pytest.raises(InputError, match="default, strong"):
        starting_point(halving, ["--preset", "weak"])
