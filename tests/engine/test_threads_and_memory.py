import numpy as np
import psutil
import pytest
import torch

from napari_lossviz.engine.blocks import available_threads
from napari_lossviz.engine.memory import PeakMemory
from napari_lossviz.engine.threads import use_threads


def test_the_number_of_threads_is_given_back() -> None:
    before = torch.get_num_threads()
    with use_threads(before + 2) as inside:
        assert inside == torch.get_num_threads() == before + 2
    assert torch.get_num_threads() == before
    with use_threads() as inside:
        assert inside == available_threads()
    with use_threads(0) as inside:
        assert inside == 1


def test_also_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), use_threads(before + 1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


def test_the_peak_is_at_least_what_is_held() -> None:
    with PeakMemory(torch.device("cpu")) as peak:
        array = np.ones(20_000_000, np.uint8)
        held = psutil.Process().memory_info().rss
    assert array.all()
    assert (
        0.98 * held <= peak.bytes <= psutil.virtual_memory().total
    )  # the kernel counts in batches


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_peak_memory_of_a_gpu_is_what_was_allocated() -> None:
    device = torch.device("cuda:0")
    with PeakMemory(device) as peak:
        torch.ones(10_000_000, device=device)
    assert peak.bytes >= 40_000_000
