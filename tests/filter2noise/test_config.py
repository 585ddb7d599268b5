import pickle
from typing import Any

import pytest
from pydantic import ValidationError

from napari_lossviz.filter2noise import Filter2NoiseConfig


def test_presets() -> None:
    paper = Filter2NoiseConfig.paper()
    assert (paper.steps, paper.crop, paper.learning_rate, paper.weight_decay) == (
        500,
        None,
        1e-3,
        0.01,
    )
    assert (paper.lambda_, paper.intensity_range, paper.stages) == (350.0, "full", 2)
    assert Filter2NoiseConfig.instant().predictor == "instant"
    assert Filter2NoiseConfig().predictor == "trained"
    assert Filter2NoiseConfig().lambda_ == "auto"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"intensity_range": (10.0, 10.0)}, "must rise"),
        ({"intensity_range": (10.0, -10.0)}, "must rise"),
        ({"intensity_range": (float("-inf"), 0.0)}, "finite"),
        ({"intensity_range": "window"}, "content"),
        ({"h": 0.0}, "h must be above 0"),
        ({"h": float("inf")}, "finite"),
        ({"lambda_": -1.0}, "lambda_ must be above 0"),
        ({"lambda_": float("nan")}, "lambda_"),
        ({"noise": float("inf")}, "noise must be finite"),
        ({"noise": 0.0}, "greater than 0"),
        ({"flat_region": (5, 5, 0, 9)}, "rising"),
        ({"flat_region": (-1, 5, 0, 9)}, "rising"),
        ({"strength": 0.0}, "greater than 0"),
        ({"strength": 11.0}, "less than or equal to 10"),
        ({"stages": 0}, "greater than or equal to 1"),
        ({"crop": 16}, "greater than or equal to 32"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"seed": 2**70}, "less than or equal"),
        ({"predictor": "magic"}, "trained"),
        ({"lamda": 3.0}, "lamda"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Filter2NoiseConfig(**wrong)


def test_it_is_frozen_picklable_and_survives_json() -> None:
    config = Filter2NoiseConfig(intensity_range=(-50, 150), flat_region=(1, 9, 2, 8), h=3.0)
    assert pickle.loads(pickle.dumps(config)) == config
    assert Filter2NoiseConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError, match="frozen"):
        config.steps = 3  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    for name, field in Filter2NoiseConfig.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
