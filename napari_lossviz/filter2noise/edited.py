"""A finished result with other edits; torch-free."""

from collections.abc import Sequence
from dataclasses import replace

from napari_lossviz.core import Edit
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.edit import EditSession
from napari_lossviz.filter2noise.judge import judge_stack, removed, stack_intensity_range
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.result import Filter2NoiseResult
from napari_lossviz.filter2noise.store import SliceSink


def edited_result(result: Filter2NoiseResult, edits: Sequence[Edit]) -> Filter2NoiseResult:
    """Return a result with these edits instead of its own, filtered as a recipe replays it.

    The figures of what was removed are taken anew.

    Parameters
    ----------
    result : Filter2NoiseResult
    edits : sequence of Edit
        All of them, in order.
    """
    if tuple(edits) == tuple(result.edits):
        return result
    assert isinstance(result.config, Filter2NoiseConfig)
    # The maps of later stages stay as they are, so the recipe must say so.
    config = result.config.replace(repredict_later_stages=False)
    edited = replace(result, edits=tuple(edits), config=config)
    session = EditSession(edited)
    slices = Slices(result.source)
    window = stack_intensity_range(slices, result.source.value_unit, config)
    judge = judge_stack(slices, window, config)
    judged = {one.n: session.denoised(one.n) for one in judge.slices}
    metrics = {**result.metrics, **removed(judge, slices, judged)}
    with SliceSink(slices) as sink:
        for n in range(session.count):
            sink.write(n, session.denoised(n))
        return replace(edited, denoised=sink.finish(), metrics=metrics)
