import pytest

from napari_lossviz.core import InputError
from napari_lossviz.jobs.registry import METHODS, Method, find_method


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_method_can_be_loaded_and_bears_its_name(method: Method) -> None:
    assert find_method(method.name) is method
    assert callable(method.load_function())
    assert method.load_config().method == method.name


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_first_preset_is_the_plain_constructor(method: Method) -> None:
    presets = [method.preset(name) for name in method.presets]
    assert presets[0] == method.load_config()()
    assert len(set(map(repr, presets))) == len(presets)


def test_names_that_are_not_there_list_those_that_are() -> None:
    with pytest.raises(InputError, match="filter2noise"):
        find_method("filter3noise")
    with pytest.raises(InputError, match="instant"):
        find_method("filter2noise").preset("fast")


def test_commands_do_not_collide() -> None:
    commands = [method.command for method in METHODS.values()]
    assert len(set(commands)) == len(commands)
    assert not {"replay", "demo", "window", "doctor", "batch"} & set(commands)
