import pickle
from typing import ClassVar

import pytest
from pydantic import ValidationError

from napari_lossviz.core import MethodConfig, setting


class ExampleConfig(MethodConfig):
    method: ClassVar[str] = "example"

    steps: int = setting(3, "How many.", ge=1, le=9, unit="px", advanced=False)


def test_settings_carry_their_range_unit_and_description() -> None:
    schema = ExampleConfig.model_json_schema()["properties"]["steps"]
    assert schema["description"] == "How many."
    assert (schema["minimum"], schema["maximum"]) == (1, 9)
    assert (schema["unit"], schema["advanced"]) == ("px", False)


def test_a_configuration_is_frozen_and_closed() -> None:
    config = ExampleConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.steps = 4  # type: ignore[misc]
    with pytest.raises(ValidationError, match="stepz"):
        ExampleConfig(stepz=4)  # type: ignore[call-arg]


def test_replace_validates_anew() -> None:
    assert ExampleConfig().replace(steps=5).steps == 5
    with pytest.raises(ValidationError, match="less than or equal to 9"):
        ExampleConfig().replace(steps=10)
    with pytest.raises(ValidationError):
        ExampleConfig().replace(stepz=1)


def test_a_configuration_survives_pickling_and_hashing() -> None:
    config = ExampleConfig(steps=7)
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(config) == hash(ExampleConfig(steps=7))
