import pickle

import pytest
from pydantic import ValidationError

from napari_lossviz.jobs.registry import METHODS
from napari_lossviz.merlin import MerlinConfig


def test_presets_are_what_the_registry_names() -> None:
    method = METHODS["merlin"]
    assert method.preset("pretrained") == MerlinConfig()
    for name in method.presets:
        config = method.preset(name)
        assert pickle.loads(pickle.dumps(config)) == config
        assert MerlinConfig.model_validate_json(config.model_dump_json()) == config
    assert method.load_config() is MerlinConfig
    assert METHODS["merlin"].command == "despeckle"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tile": 300}, "multiple of 32"),
        ({"tile": 128, "overlap": 96}, "at most half"),
        ({"weights": " "}, "name a pretrained network"),
        ({"precision": "half"}, "float32"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_settings_that_do_not_fit_say_why(settings: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        MerlinConfig(**settings)
