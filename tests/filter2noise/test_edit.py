"""A session follows any list of edits and stays, bit by bit, what a full filtering would give."""

import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from napari_lossviz.core import (
    Box,
    Cancelled,
    Edit,
    Image,
    InputError,
    Region,
    Reset,
    Stroke,
    WholeMap,
)
from napari_lossviz.core.replay import replay_edits
from napari_lossviz.filter2noise import (
    EditSession,
    Filter2NoiseConfig,
    Filter2NoiseResult,
    apply_sigma_maps,
    denoise,
)
from napari_lossviz.filter2noise import edit as edit_module
from napari_lossviz.filter2noise.apply import SPATIAL_CEILING
from napari_lossviz.filter2noise.maps import edit_limits

HEIGHT, WIDTH, DEPTH = 26, 31, 3
CONFIGS = {"instant": Filter2NoiseConfig.instant(), "trained": Filter2NoiseConfig(steps=3)}


def stack_image(masked: bool, channels: int = 1) -> Image:
    shape = (DEPTH, HEIGHT, WIDTH, channels)
    array = np.random.default_rng(0).normal(40, 12, shape)
    array[:, :, WIDTH // 2 :] += 60
    valid = None
    if masked:
        valid = np.ones((DEPTH, HEIGHT, WIDTH), bool)
        valid[0, :9, :8] = False
        valid[1, 12:15, 10:20] = False  # slice 2 is whole
        array[~valid] = -3024
    array = array.astype(np.float32)
    if channels == 1:
        return Image(array[..., 0], "zyx", value_unit="HU", valid=valid)
    return Image(array, "zyxc", value_unit="HU", valid=valid)


_RESULTS: dict[tuple[str, bool, int], Filter2NoiseResult] = {}


def result_of(kind: str, masked: bool = False, channels: int = 1) -> Filter2NoiseResult:
    key = (kind, masked, channels)
    if key not in _RESULTS:
        _RESULTS[key] = denoise(stack_image(masked, channels), CONFIGS[kind])
    return _RESULTS[key]


def fully(
    result: Filter2NoiseResult, edits: tuple[Edit, ...]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Maps replayed by the core, and the whole stack filtered with them; (DEPTH, C, H, W)."""
    source = np.asarray(result.source.array, np.float32)
    if "c" in result.source.axes:
        source = source.mean(axis=-1)
    limits = edit_limits(result.intensity_range)
    maps = replay_edits(result.predicted.full(), edits, source, limits)
    filtered = apply_sigma_maps(
        result.source,
        np.stack([maps[name] for name in ("sigma_x", "sigma_y", "sigma_r")], axis=1),
        result.config,
        windows=result.windows,
        angle=maps.get("angle"),
    )
    if "c" in result.source.axes:
        return maps, np.moveaxis(filtered, -1, 1)
    return maps, filtered[:, None]


coordinate = st.floats(-4, 34).map(lambda v: round(v, 2))
points = st.tuples(coordinate, coordinate)
common: dict[str, Any] = {
    "stage": st.sampled_from([None, None, 0]),
    "strength": st.sampled_from([1.0, 0.4]),
    "slices": st.sampled_from([None, None, (0, 1), (1, 3)]),
    "intensity_range": st.sampled_from([None, None, (30.0, 80.0)]),
}
sigma_names = st.sampled_from(["all", "sigma_x", "sigma_y", "sigma_r"])
operations = st.sampled_from(
    [
        ("multiply", 3.0),
        ("multiply", 0.4),
        ("add", 1.5),
        ("set", 4.0),
        ("smooth", 1.5),
        ("restore", 1.0),
    ]
)


def build(kind: type, operation: tuple[str, float], **fields: Any) -> Any:
    return kind(operation=operation[0], value=operation[1], **fields)


strokes = st.builds(
    build,
    st.just(Stroke),
    operations,
    points=st.lists(points, min_size=1, max_size=4).map(tuple),
    radius=st.floats(1, 9),
    hardness=st.sampled_from([0.0, 0.5, 1.0]),
    map=sigma_names,
    **common,
)
others = st.one_of(
    st.builds(
        build,
        st.just(Region),
        operations,
        vertices=st.lists(points, min_size=3, max_size=5).map(tuple),
        map=sigma_names,
        **common,
    ),
    st.builds(build, st.just(WholeMap), operations, map=sigma_names, **common),
    st.builds(Reset, map=sigma_names, slices=common["slices"]),
)


class SessionMachine(RuleBasedStateMachine):
    """Paints, goes on painting, undoes, redoes, switches slices, cancels; compares after each."""

    result: Filter2NoiseResult

    def __init__(self) -> None:
        super().__init__()
        self.session = EditSession(self.result)
        self.edits: tuple[Edit, ...] = ()
        self.undone: list[Edit] = []
        self.n = 0
        self.shown = {n: self.session.denoised(n) for n in range(DEPTH)}

    def update(self, edits: tuple[Edit, ...]) -> None:
        self.edits = edits
        update = self.session.update(edits, self.n)
        assert update.n == self.n
        # what a viewer does: paste the box into what it shows
        self.shown[self.n][:, *update.box.slices] = update.denoised

    @initialize(first=strokes)
    def begin(self, first: Edit) -> None:
        self.update((first,))

    @rule(edit=strokes)
    def paint(self, edit: Edit) -> None:
        self.undone.clear()
        self.update((*self.edits, edit))

    @rule(edit=others)
    def use_another_tool(self, edit: Edit) -> None:
        self.undone.clear()
        self.update((*self.edits, edit))

    @precondition(lambda self: self.edits and isinstance(self.edits[-1], Stroke))
    @rule(more=st.lists(points, min_size=1, max_size=3))
    def go_on_painting(self, more: list[tuple[float, float]]) -> None:
        last = self.edits[-1]
        grown = last.model_copy(update={"points": (*last.points, *more)})
        self.update((*self.edits[:-1], grown))

    @precondition(lambda self: self.edits)
    @rule(edit=st.one_of(strokes, others))
    def replace_the_last(self, edit: Edit) -> None:
        self.update((*self.edits[:-1], edit))

    @precondition(lambda self: self.edits)
    @rule()
    def undo(self) -> None:
        self.undone.append(self.edits[-1])
        self.update(self.edits[:-1])

    @precondition(lambda self: self.undone)
    @rule()
    def redo(self) -> None:
        self.update((*self.edits, self.undone.pop()))

    @precondition(lambda self: len(self.edits) > 1)
    @rule(index=st.integers(0, 5))
    def drop_one_in_the_middle(self, index: int) -> None:
        index %= len(self.edits)
        self.update((*self.edits[:index], *self.edits[index + 1 :]))

    @rule(n=st.integers(0, DEPTH - 1))
    def go_to_slice(self, n: int) -> None:
        self.n = n
        self.update(self.edits)

    @rule(edit=strokes)
    def be_interrupted(self, edit: Edit) -> None:
        cancel = threading.Event()
        cancel.set()
        with suppress(Cancelled):  # an update of nothing on this slice has nothing to stop
            self.session.update((*self.edits, edit), self.n, cancel=cancel)
        self.update(self.edits)

    @invariant()
    def it_is_what_a_full_filtering_gives(self) -> None:
        if not self.edits and not self.undone:
            return
        maps, filtered = fully(self.result, self.edits)
        np.testing.assert_array_equal(self.shown[self.n], filtered[self.n])
        np.testing.assert_array_equal(self.session.denoised(self.n), filtered[self.n])
        for name, stack in self.session.maps(self.n).items():
            np.testing.assert_array_equal(stack, maps[name][:, self.n])
        assert self.session.edits == self.edits
        assert self.n not in self.session.stale_slices(self.edits)
        # slices that the session calls fresh are fresh
        for n in set(range(DEPTH)) - set(self.session.stale_slices(self.edits)):
            np.testing.assert_array_equal(self.session.denoised(n), filtered[n])


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("kind", CONFIGS)
def test_any_sequence_of_edits(kind: str, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit_module, "KEPT_SLICES", 2)  # slices are given up and built anew too
    machine = type("Machine", (SessionMachine,), {"result": result_of(kind, masked)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("kind", CONFIGS)
def test_colours(kind: str) -> None:
    result = result_of(kind, True, 3)
    session = EditSession(result)
    edits: tuple[Edit, ...] = (
        Stroke(points=((10, 12),), radius=6, value=2.0),
        Stroke(points=((20, 5), (12, 25)), radius=3, value=3.0, map="sigma_x"),
    )
    for count in (1, 2, 1, 2):
        session.update(edits[:count], 1)
        np.testing.assert_array_equal(session.denoised(1), fully(result, edits[:count])[1][1])


def test_angles_can_be_edited() -> None:
    result = result_of("instant")
    session = EditSession(result)
    edits = (Stroke(points=((10, 12),), radius=8, operation="set", value=1.0, map="angle"),)
    session.update(edits)
    np.testing.assert_array_equal(session.denoised(), fully(result, edits)[1][0])
    assert not np.array_equal(session.denoised(), fully(result, ())[1][0])


@pytest.mark.parametrize("kind", CONFIGS)
def test_painting_a_spot_changes_nothing_out_of_reach(kind: str) -> None:
    array = np.random.default_rng(0).normal(40, 12, (80, 90)).astype(np.float32)
    result = denoise(array, CONFIGS[kind])
    session = EditSession(result)
    before = session.denoised()
    spot = Stroke(points=((40, 45),), radius=4, operation="multiply", value=2.0)
    update = session.update((spot,))
    after = session.denoised()
    changed = np.argwhere((after != before).any(axis=0))
    assert len(changed) > 20
    reach = 4.0  # the spot itself in the first stage
    for stage, side in enumerate(result.windows[1:], start=1):
        largest = np.ceil(session.maps()["sigma_x"][stage].max())
        reach += max(side // 2, largest, np.ceil(session.maps()["sigma_y"][stage].max()))
    assert np.abs(changed - (40, 45)).max() <= reach
    box = update.box
    assert (changed >= (box.y0, box.x0)).all()
    assert (changed < (box.y1, box.x1)).all()
    assert update.map_box.shape == (9, 9)
    # nothing but the box changed in the update's own eyes either
    before[:, *box.slices] = update.denoised
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_run_with_edits_gives_what_the_session_shows(kind: str) -> None:
    plain = result_of(kind)
    edits: tuple[Edit, ...] = (
        Stroke(points=((5, 5), (20, 20)), radius=5, value=1.8),
        WholeMap(map="sigma_r", value=0.7, slices=(1, 2)),
    )
    session = EditSession(plain)
    edited = denoise(plain.source, CONFIGS[kind], edits=edits)
    for n in range(DEPTH):
        session.update(edits, n)
        np.testing.assert_array_equal(session.denoised(n)[0], edited.denoised[n])
        for name, stack in edited.maps_of_slice(n).items():
            np.testing.assert_array_equal(stack, session.maps(n)[name])
    # a session that starts from that run starts there
    again = EditSession(edited)
    assert again.edits == edits
    np.testing.assert_array_equal(again.denoised(1)[0], edited.denoised[1])
    assert again.stale_slices(edits) == []
    again.update((), 1)
    np.testing.assert_array_equal(again.denoised(1)[0], plain.denoised[1])


def test_edits_keep_the_maps_within_what_the_filter_can_do() -> None:
    session = EditSession(result_of("trained"))
    session.update((WholeMap(operation="set", value=1e6),))
    maps = session.maps()
    assert (maps["sigma_x"] == SPATIAL_CEILING).all()
    assert np.isfinite(session.denoised()).all()
    session.update((WholeMap(operation="set", value=-5.0),))
    for name in ("sigma_x", "sigma_y", "sigma_r"):
        assert (session.maps()[name] > 0).all()
    np.testing.assert_allclose(session.denoised()[0], session._slices.values(0)[0], atol=0.5)


@pytest.mark.parametrize(
    ("wrong"), [WholeMap(map="sigma_q"), WholeMap(stage=2), WholeMap(map="angle")]
)
def test_a_bad_edit_is_refused_and_changes_nothing(wrong: Edit) -> None:
    result = result_of("trained")
    session = EditSession(result)
    good = (Stroke(points=((10, 10),), radius=5, value=2.0),)
    session.update(good)
    before, maps = session.denoised(), session.maps()
    with pytest.raises(InputError):
        session.update((*good, wrong))
    assert session.edits == good
    np.testing.assert_array_equal(session.denoised(), before)
    for name, stack in session.maps().items():
        np.testing.assert_array_equal(stack, maps[name])
    assert session.update(good).box.empty


def test_an_update_that_changes_nothing_is_empty() -> None:
    session = EditSession(result_of("instant"))
    edit = Stroke(points=((10, 10),), radius=5, value=2.0, slices=(2, 3))
    assert session.stale_slices((edit,)) == [2]
    assert session.update((edit,), 0).box.empty  # an edit of another slice
    assert session.update((Stroke(points=((900, 900),), radius=5),), 0).box.empty
    assert not session.update((edit,), 2).box.empty


def test_what_the_session_gives_out_is_a_copy() -> None:
    session = EditSession(result_of("instant"))
    session.denoised()[:] = np.nan
    for stack in session.maps().values():
        stack[:] = np.nan
    session.update((WholeMap(value=1.1),)).denoised[:] = np.nan
    assert np.isfinite(session.denoised()).all()
    assert all(np.isfinite(stack).all() for stack in session.maps().values())
    part = session.maps(0, Box(2, 5, 3, 9))["sigma_r"]
    np.testing.assert_array_equal(part, session.maps()["sigma_r"][:, 2:5, 3:9])


def test_a_stopped_update_is_caught_up_as_a_whole() -> None:
    result = result_of("trained")
    session = EditSession(result)
    second = Stroke(points=((4, 5),), radius=3, value=1.5)
    first = (Stroke(points=((10, 10),), radius=5, value=2.0),)
    session.update(first)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        session.update((*first, second), cancel=cancel)
    np.testing.assert_array_equal(session.denoised(), fully(result, first)[1][0])
    assert session.stale_slices((*first, second)) == [0, 1, 2]
    update = session.update((*first, second))
    assert update.box == Box(0, HEIGHT, 0, WIDTH)
    assert update.map_box == Box(0, HEIGHT, 0, WIDTH)


def test_the_result_is_left_alone() -> None:
    result = result_of("trained")
    before = {name: stack.copy() for name, stack in result.maps.items()}
    denoised = result.denoised.copy()
    session = EditSession(result)
    session.update((WholeMap(value=2.0),))
    for name, stack in result.maps.items():
        np.testing.assert_array_equal(stack, before[name])
    np.testing.assert_array_equal(result.denoised, denoised)
    np.testing.assert_array_equal(np.asarray(result.source.array), stack_image(False).array)
