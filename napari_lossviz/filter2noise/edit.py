"""`EditSession`: maps edited and the result refiltered where it changed; torch-free.

What a changed map touches is known exactly: a stage's output changes only at the pixels whose maps
changed, and a later stage's only within its window of those. Refiltering that box gives the same
bits as filtering everything.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Event

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import Box, Edit, Stroke
from napari_lossviz.core.replay import edit_box, edited_patch, selected_maps, touches_slice
from napari_lossviz.filter2noise.across import Lenders
from napari_lossviz.filter2noise.apply import (
    SPATIAL_CEILING,
    NeighbourSlice,
    StageMaps,
    filter_stage,
    finished,
    residual_stage,
    with_residual,
)
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.filter2noise.layout import Slices
from napari_lossviz.filter2noise.maps import (
    RESIDUAL,
    check_edits,
    edit_limits,
    edited_maps,
    stage_list,
)
from napari_lossviz.filter2noise.result import Filter2NoiseResult

KEPT_SLICES = 4
"""Slices whose maps and stages are kept at hand: some 100 bytes a pixel each."""


@dataclass(frozen=True, eq=False)
class Update:
    """What changed on one slice.

    Attributes
    ----------
    n : int
        Slice.
    box : Box
        Pixels of the result that may have changed; may be empty.
    denoised : (C, h, w) float32
        The result within the box.
    map_box : Box
        Pixels of the maps that may have changed.
    """

    n: int
    box: Box
    denoised: NDArray[np.float32]
    map_box: Box


@dataclass(eq=False)
class _SliceState:
    """Maps and the input of every stage of one slice that is being edited.

    Attributes
    ----------
    edits : tuple of Edit
        What `maps` contain.
    maps, before_last : dict of str to (stages, H, W)
        With all edits, and without the last one (`None` until a stroke grows).
    neighbours : list of NeighbourSlice
        Slices that lend to this one.
    chain : list of (C, H, W)
        Input of each stage, the output of the last one, and where the residual is given back,
        that with it.
    """

    edits: tuple[Edit, ...]
    maps: dict[str, NDArray[np.float32]]
    before_last: dict[str, NDArray[np.float32]] | None
    predicted: dict[str, NDArray[np.float32]]
    source: NDArray[np.float32]
    guide: NDArray[np.float32] | None
    valid: NDArray[np.bool_] | None
    neighbours: list[NeighbourSlice]
    chain: list[NDArray[np.float32]]


class EditSession:
    """Holds a result's image and maps, and follows a list of edits.

    Not thread-safe: one thread at a time (see `EditWorker`).

    Parameters
    ----------
    result : Filter2NoiseResult
        Its edits are where the session starts.
    """

    def __init__(self, result: Filter2NoiseResult) -> None:
        self._result = result
        self._radii = tuple(side // 2 for side in result.windows)
        self._limits = edit_limits(result.intensity_range)
        self._edits: tuple[Edit, ...] = tuple(result.edits)
        self._states: dict[int, _SliceState] = {}
        self._delivered: dict[int, tuple[Edit, ...]] = {}
        self._cancel: Event | None = None  # of the state that is being built
        self._lost: set[int] = set()  # slices whose state was given up in the middle of an update

    @cached_property
    def _slices(self) -> Slices:
        # At first use, in the thread that filters.
        return Slices(self._result.source)

    @cached_property
    def _lenders(self) -> Lenders:
        def guide_of(n: int, filled: NDArray[np.float32]) -> NDArray[np.float32]:
            guide = self._result.guide_of_slice(n, filled, self._cancel)
            return filled if guide is None else guide

        assert isinstance(self._result.config, Filter2NoiseConfig)
        return Lenders(self._slices, self._result.config, guide_of)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that the session has been told of last."""
        return self._edits

    @property
    def count(self) -> int:
        """Number of slices."""
        return self._result.predicted.count

    def maps(self, n: int = 0, box: Box | None = None) -> dict[str, NDArray[np.float32]]:
        """Return copies of the edited maps of slice `n`, each (stages, H, W), or of a box."""
        part = (slice(None), slice(None)) if box is None else box.slices
        return {name: stack[:, *part].copy() for name, stack in self._state(n).maps.items()}

    def denoised(self, n: int = 0) -> NDArray[np.float32]:
        """Return a copy of the result on slice `n`, (C, H, W)."""
        return self._finished(n, Box.whole(self._slices.shape))

    def stale_slices(self, edits: Sequence[Edit]) -> list[int]:
        """Return the slices whose result these edits change against the session's present state.

        A slice that was never touched stands at the result's own edits.
        """
        wanted = tuple(edits)
        return [n for n in range(self.count) if self._of_slice(wanted, n) != self._known(n)]

    def deliver_again(self, n: int) -> None:
        """Take the last update of slice `n` as lost: the next one is of the whole slice."""
        self._lost.add(n)

    def update(
        self,
        edits: Sequence[Edit],
        n: int = 0,
        *,
        cancel: Event | None = None,
    ) -> Update:
        """Bring slice `n` to a new list of edits: more, fewer, or a longer last stroke.

        Parameters
        ----------
        edits : sequence of Edit
            The whole list; undo and redo are shorter and longer ones.
        n : int
            The slice to refilter now; others follow when they are asked for.
        cancel : threading.Event, optional
            Stops between blocks of rows; the session stays usable, and the slice is brought up to
            date as a whole at the next call.

        Returns
        -------
        Update

        Raises
        ------
        Cancelled
            If `cancel` was set.
        InputError
            If an edit names a map or stage that is not there; nothing is changed.
        """
        wanted = tuple(edits)
        check_edits(wanted, self._result.predicted.names, self._result.predicted.stages)
        self._edits = wanted
        try:
            state = self._state(n, cancel)
            map_box = self._bring_maps(state, self._of_slice(wanted, n))
            box = self._refilter(state, map_box, cancel)
        except BaseException:
            self._states.pop(n, None)  # half brought up to date: built anew when next asked for
            self._lost.add(n)
            raise
        self._delivered[n] = state.edits
        if n in self._lost:
            self._lost.remove(n)
            box = map_box = Box.whole(state.source.shape)
        return Update(n, box, self._finished(n, box), map_box)

    # maps

    def _bring_maps(self, state: _SliceState, wanted: tuple[Edit, ...]) -> Box:
        """Replay what differs, and return the box in which maps may have changed."""
        old = state.edits
        shape = state.source.shape
        if wanted == old:
            return Box(0, 0, 0, 0)
        if wanted[:-1] == old:
            self._remember(state, edit_box(old[-1], shape) if old else None)
            box = edit_box(wanted[-1], shape)
            self._replay_last(state, wanted[-1], box)
        elif old and wanted and wanted[:-1] == old[:-1] and state.before_last is not None:
            box = _grown_box(old[-1], wanted[-1], shape)
            self._replay_last(state, wanted[-1], box)
        else:
            common = 0
            while common < min(len(old), len(wanted)) and old[common] == wanted[common]:
                common += 1
            box = Box(0, 0, 0, 0)
            for edit in (*old[common:], *wanted[common:]):  # no edit reaches beyond its own box
                box |= edit_box(edit, shape)
            state.maps = edited_maps(state.predicted, wanted, state.source, self._limits)
            state.before_last = None
        state.edits = wanted
        return box

    def _remember(self, state: _SliceState, changed: Box | None) -> None:
        """Make `before_last` equal to the maps as they are, copying only what can differ."""
        if state.before_last is None:
            state.before_last = {name: stack.copy() for name, stack in state.maps.items()}
        elif changed is not None:
            for name, stack in state.maps.items():
                state.before_last[name][:, *changed.slices] = stack[:, *changed.slices]

    def _replay_last(self, state: _SliceState, edit: Edit, box: Box) -> None:
        before = state.before_last
        assert before is not None
        if box.empty:
            return
        for name, stack in state.maps.items():  # what the last edit was may have named other maps
            stack[:, *box.slices] = before[name][:, *box.slices]
        for name, stage in selected_maps(edit, state.maps):
            state.maps[name][stage][box.slices] = edited_patch(
                before[name][stage],
                state.predicted[name][stage],
                state.source,
                edit,
                box,
                self._limits.get(name, (-np.inf, np.inf)),
            )

    # the filter

    def _refilter(self, state: _SliceState, changed: Box, cancel: Event | None) -> Box:
        """Refilter what the changed maps touch; return the box of the output."""
        shape = state.source.shape
        box = Box(0, 0, 0, 0)
        if changed.empty:
            return box
        for stage, maps in enumerate(stage_list(state.maps, self._radii)):
            if stage > 0:
                box = _seeing(box, maps, shape)
            box |= changed
            patch = filter_stage(
                state.chain[stage],
                maps,
                guide=state.guide if stage == 0 else None,
                valid=state.valid,
                box=box,
                cancel=cancel,
                neighbours=state.neighbours if stage == 0 else (),
            )
            state.chain[stage + 1][:, *box.slices] = patch
        if RESIDUAL in state.maps:
            box = _seeing(box, residual_stage(state.maps[RESIDUAL][0]), shape) | changed
            state.chain[-1][:, *box.slices] = self._given_back(state, box, cancel)
        return box

    def _given_back(
        self, state: _SliceState, box: Box | None, cancel: Event | None
    ) -> NDArray[np.float32]:
        """Return the last stage's output with the residual given back."""
        filtered, values = state.chain[len(self._radii)], state.chain[0]
        sigma = state.maps[RESIDUAL][0]
        return with_residual(filtered, values, sigma, valid=state.valid, box=box, cancel=cancel)

    def _finished(self, n: int, box: Box) -> NDArray[np.float32]:
        state = self._state(n)
        patch = state.chain[-1][:, *box.slices].copy()
        valid = None if state.valid is None else state.valid[box.slices]
        values = self._slices.values(n)[:, *box.slices]
        config = self._result.config
        assert isinstance(config, Filter2NoiseConfig)
        return finished(patch, values, valid, config.noise_kept)

    # state of slices

    def _of_slice(self, edits: tuple[Edit, ...], n: int) -> tuple[Edit, ...]:
        return tuple(edit for edit in edits if touches_slice(edit, n))

    def _known(self, n: int) -> tuple[Edit, ...]:
        if n in self._delivered:
            return self._delivered[n]
        return self._of_slice(tuple(self._result.edits), n)

    def _state(self, n: int, cancel: Event | None = None) -> _SliceState:
        """Return the state of slice `n`, built from what was delivered of it last."""
        if n in self._states:
            self._states[n] = self._states.pop(n)  # the last in the dict was used last
            return self._states[n]
        result, slices = self._result, self._slices
        valid = slices.valid_slice(n)
        source = slices.mean(n)
        filled = slices.filled(n)
        self._cancel = cancel
        neighbours = self._lenders.of(n)
        # a guide may take seconds, and serves the neighbours of its slice too
        guide = self._lenders.guide(n) if neighbours else result.guide_of_slice(n, filled, cancel)
        predicted = {name: stack[:, 0] for name, stack in result.predicted.slice_maps(n).items()}
        known = self._known(n)
        state = _SliceState(
            edits=known,
            maps={},
            before_last=None,
            predicted=predicted,
            source=source,
            guide=guide,
            valid=valid,
            neighbours=neighbours,
            chain=[filled],
        )
        state.maps = edited_maps(predicted, known, source, self._limits)
        for stage, maps in enumerate(stage_list(state.maps, self._radii)):
            first = stage == 0
            state.chain.append(
                filter_stage(
                    state.chain[-1],
                    maps,
                    guide=state.guide if first else None,
                    valid=valid,
                    cancel=cancel,
                    neighbours=state.neighbours if first else (),
                )
            )
        if RESIDUAL in state.maps:
            state.chain.append(self._given_back(state, None, cancel))
        while len(self._states) >= KEPT_SLICES:
            del self._states[next(iter(self._states))]
        self._states[n] = state
        return state


def _seeing(box: Box, maps: StageMaps, shape: tuple[int, ...]) -> Box:
    """Return a box of all pixels whose own window reaches into another."""
    widest = max(maps.radius, math.ceil(SPATIAL_CEILING))
    return box.grow(maps.reach(box.grow(widest).clip(shape))).clip(shape)


def _grown_box(old: Edit, new: Edit, shape: tuple[int, ...]) -> Box:
    """Return the pixels in which two versions of the last edit can differ.

    A stroke that only went on differs where its new part is: coverage is a maximum over the path.
    """
    if isinstance(old, Stroke) and isinstance(new, Stroke):
        known = len(old.points)
        if new.points[:known] == old.points and new == old.model_copy(
            update={"points": new.points}
        ):
            tail = new.model_copy(update={"points": new.points[known - 1 :]})
            return edit_box(tail, shape)
    return edit_box(old, shape) | edit_box(new, shape)
