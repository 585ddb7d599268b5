"""Peak memory of a run."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    import torch


def _resident_peak() -> int:
    """Return the highest resident memory of this process so far, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


class PeakMemory:
    """Context that measures peak memory: allocated on a GPU, resident in the process on a CPU.

    The operating system keeps one highest mark for a process's whole life, so on a CPU the figure
    is an upper bound when an earlier run was larger.
    """

    def __init__(self, device: "torch.device") -> None:
        self._device = device
        self.bytes = 0

    @staticmethod
    def of_process() -> int:
        """Return the highest resident memory of this process so far, in bytes."""
        return _resident_peak()

    def __enter__(self) -> Self:
        if self._device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._device.type == "cuda":
            import torch

            self.bytes = int(torch.cuda.max_memory_allocated(self._device))
        else:
            self.bytes = _resident_peak()
