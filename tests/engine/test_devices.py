import pytest
import torch

from napari_lossviz.core import DeviceError
from napari_lossviz.engine.devices import choose_device, describe_device, list_devices


def test_the_processor_is_always_there_and_comes_last() -> None:
    devices = list_devices()
    assert devices[-1].name == "cpu"
    assert all(0 < device.free_memory <= device.total_memory for device in devices)


def test_auto_takes_the_fastest() -> None:
    assert choose_device() == torch.device(list_devices()[0].name)
    assert choose_device("cpu") == torch.device("cpu")


def test_an_unknown_device_lists_those_that_are_there() -> None:
    with pytest.raises(DeviceError, match=r"'tpu' is not available \(there are: .*cpu\)"):
        choose_device("tpu")


def test_cuda_on_a_build_without_it_points_to_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(DeviceError, match="lossviz doctor"):
        choose_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(DeviceError) as caught:
        choose_device("cuda:1")
    assert "doctor" not in str(caught.value)


def test_gpus_come_first_and_cuda_means_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (5, 9))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    assert [device.name for device in list_devices()][:2] == ["cuda:0", "cuda:1"]
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_device("cuda") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert describe_device(torch.device("cuda:1")) == "card 1 (cuda:1)"
    with pytest.raises(DeviceError, match="cuda:0, cuda:1, "):
        choose_device("cuda:2")


def test_a_device_has_a_title() -> None:
    assert describe_device(torch.device("cpu")) == "CPU"
