"""Which device a run uses, what it is called, and how much memory it has left."""

from dataclasses import dataclass

import psutil
import torch

from napari_lossviz.core import DeviceError


@dataclass(frozen=True)
class DeviceInfo:
    """A device as shown to the user.

    Attributes
    ----------
    name : str
        As torch takes it: "cpu", "cuda:0", "mps".
    title : str
        For people: "NVIDIA H100 (cuda:0)".
    free_memory, total_memory : int
        Bytes.
    """

    name: str
    title: str
    free_memory: int
    total_memory: int


def list_devices() -> list[DeviceInfo]:
    """Return the usable devices, the fastest kind first, the CPU last."""
    memory = psutil.virtual_memory()
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            title = f"{torch.cuda.get_device_name(index)} (cuda:{index})"
            found.append(DeviceInfo(f"cuda:{index}", title, free, total))
    if torch.backends.mps.is_available():
        found.append(DeviceInfo("mps", "Apple GPU (mps)", memory.available, memory.total))
    found.append(DeviceInfo("cpu", "CPU", memory.available, memory.total))
    return found


def choose_device(name: str = "auto") -> torch.device:
    """Return the torch device for "auto" (cuda, then mps, then cpu) or for a name.

    Raises
    ------
    DeviceError
        If the named device is not there; the message lists those that are.
    """
    devices = list_devices()
    if name == "auto":
        return torch.device(devices[0].name)
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in {device.name for device in devices}:
        there = ", ".join(device.name for device in devices)
        hint = ""
        if name.startswith("cuda") and torch.version.cuda is None:
            hint = "; this torch is a CPU-only build: `lossviz doctor` says how to get the CUDA one"
        raise DeviceError(f"device {name!r} is not available (there are: {there}){hint}")
    return torch.device(wanted)


def describe_device(device: torch.device) -> str:
    """Return the title of a device."""
    for info in list_devices():
        if torch.device(info.name) == device:
            return info.title
    return str(device)
