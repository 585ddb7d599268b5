"""The number of CPU threads of a run; torch is imported only when it is set."""

from collections.abc import Iterator
from contextlib import contextmanager

from napari_lossviz.engine.blocks import available_threads


@contextmanager
def use_threads(count: int | None = None) -> Iterator[int]:
    """Let torch use `count` threads within the block, and give the number in use.

    Seeded training on a CPU differs in its last bits between thread counts, since torch splits its
    sums by thread; a replay therefore restores the count of the recipe.

    Parameters
    ----------
    count : int, optional
        Default: the cores this process may use.
    """
    import torch

    before = torch.get_num_threads()
    wanted = available_threads() if count is None else max(int(count), 1)
    torch.set_num_threads(wanted)
    try:
        yield wanted
    finally:
        torch.set_num_threads(before)
