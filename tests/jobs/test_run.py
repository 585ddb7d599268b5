import sys
from typing import Any

import numpy as np
import pytest
import torch

from napari_lossviz.core import Cancelled, Image, InputError, Step, WholeMap
from napari_lossviz.jobs.registry import Method
from napari_lossviz.jobs.run import run

IMAGE = Image(np.ones((8, 8), np.float32), "yx")


@pytest.fixture
def threads_seen(halving: Method, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which every run adds the number of threads that torch may use."""
    seen: list[int] = []
    module = sys.modules["lossviz_test_halving"]
    halve = module.halve

    def watched(*given: Any, **options: Any) -> Any:
        seen.append(torch.get_num_threads())
        return halve(*given, **options)

    monkeypatch.setattr(module, "halve", watched)
    return seen


def test_runs_by_name_with_the_default_configuration(halving: Method) -> None:
    result = run("halving", IMAGE)
    assert result.config == halving.load_config()()
    np.testing.assert_array_equal(result.main_image().array, 0.5)


def test_thread_count_is_set_for_the_run_alone(threads_seen: list[int]) -> None:
    before = torch.get_num_threads()
    for count in (1, 3):
        run("halving", IMAGE, threads=count)
    assert threads_seen == [1, 3]
    assert torch.get_num_threads() == before


def test_edits_reach_the_method(halving: Method) -> None:
    edits = (WholeMap(value=2.0),)
    assert run(halving, IMAGE, edits=edits).edits == edits


def test_reporter_stops_the_run(halving: Method) -> None:
    def stop(step: Step) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        run(halving, IMAGE, reporter=stop)


def test_unknown_method() -> None:
    with pytest.raises(InputError, match="doubling"):
        run("doubling", IMAGE)
