"""The matching against the textbook's, and the properties that it must have."""

import gudhi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_lossviz.betti import BettiConfig, BettiMatching, match
from napari_lossviz.betti.pairing import pair_images
from tests.betti.plain import Cell, Filtration, plain_matching

SHAPES = st.one_of(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
)
CONSTRUCTIONS = st.sampled_from("VT")


@st.composite
def image_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    high = draw(st.sampled_from([1, 3, 30]))
    values = arrays(np.float32, shape, elements=st.integers(0, high).map(float))
    return draw(values), draw(values)


def lists_of(result: BettiMatching) -> list[tuple[list, list, list]]:
    return [
        (
            sorted(
                zip(
                    d.matched_prediction.birth,
                    d.matched_prediction.death,
                    d.matched_target.birth,
                    d.matched_target.death,
                    strict=True,
                )
            ),
            sorted(zip(d.unmatched_prediction.birth, d.unmatched_prediction.death, strict=True)),
            sorted(zip(d.unmatched_target.birth, d.unmatched_target.death, strict=True)),
        )
        for d in result.dimensions
    ]


@settings(max_examples=150, deadline=None)
@given(image_pairs(), CONSTRUCTIONS)
def test_equals_the_reduction_of_whole_matrices(
    pair: tuple[np.ndarray, np.ndarray], construction: str
) -> None:
    config = BettiConfig(filtration="sublevel", construction=construction)
    found = lists_of(match(*pair, config))
    assert found == plain_matching(*pair, construction)


def test_in_t_a_slice_matches_as_its_plane_does_with_the_two_types_of_edges_turned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both follow the order of cells as it is stated, in which types of equal place come last.

    The edge between two pixels of a plane becomes a face between two voxels. In the dual, a plane's
    edge has its own axis for a type, a volume's face that which it is normal to: the other one. So
    of two edges that one pixel brings, the plane has one first and the volume the other.
    """

    def turned(cell: Cell) -> tuple[int, ...]:
        low, types = tuple(n // 2 for n in cell), [axis for axis, n in enumerate(cell) if n % 2]
        return (*low, *([1 - types[0]] if len(types) == 1 else types))

    config = BettiConfig(filtration="sublevel", construction="T")
    images = [np.random.default_rng(seed).random((2, 8, 9)) for seed in range(8)]
    planes = [lists_of(match(*pair, config)) for pair in images]
    volumes = [lists_of(match(*pair[:, None], config))[:2] for pair in images]
    assert planes != volumes
    monkeypatch.setattr(Filtration, "corner", staticmethod(turned))
    assert [plain_matching(*pair, "T") for pair in images] == volumes


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.integers(0, 2**32 - 1), CONSTRUCTIONS)
def test_distinct_values_equal_the_reduction_of_whole_matrices(
    shape: tuple[int, ...], seed: int, construction: str
) -> None:
    values = np.random.default_rng(seed).permutation(2 * int(np.prod(shape)))
    prediction, target = values.reshape(2, *shape).astype(np.float64)
    config = BettiConfig(filtration="sublevel", construction=construction)
    found = lists_of(match(prediction, target, config))
    assert found == plain_matching(prediction, target, construction)


@settings(max_examples=60, deadline=None)
@given(image_pairs(), CONSTRUCTIONS)
def test_the_relative_version_equals_the_reduction_of_framed_images(
    pair: tuple[np.ndarray, np.ndarray], construction: str
) -> None:
    within = max(image.max() for image in pair) <= 1
    frame = 0 if within else min(image.min() for image in pair)
    framed = [np.pad(image, 1, constant_values=frame) for image in pair]
    config = BettiConfig(filtration="sublevel", construction=construction, relative=True)
    assert lists_of(match(*pair, config)) == plain_matching(*framed, construction)


@settings(max_examples=60, deadline=None)
@given(image_pairs(), CONSTRUCTIONS, st.booleans())
def test_an_image_matches_itself_perfectly(
    pair: tuple[np.ndarray, np.ndarray], construction: str, relative: bool
) -> None:
    result = match(pair[0], pair[0], BettiConfig(construction=construction, relative=relative))
    assert result.loss == 0
    assert result.matching_error.total == 0
    for d in result.dimensions:
        assert len(d.unmatched_prediction) == len(d.unmatched_target) == 0
        np.testing.assert_array_equal(
            d.matched_prediction.birth_coordinate, d.matched_target.birth_coordinate
        )
        np.testing.assert_array_equal(
            d.matched_prediction.death_coordinate, d.matched_target.death_coordinate
        )


@settings(max_examples=60, deadline=None)
@given(image_pairs(), CONSTRUCTIONS, st.booleans())
def test_exchanging_the_images_exchanges_the_roles(
    pair: tuple[np.ndarray, np.ndarray], construction: str, relative: bool
) -> None:
    config = BettiConfig(construction=construction, relative=relative)
    forth, back = match(*pair, config), match(*pair[::-1], config)
    assert forth.loss == pytest.approx(back.loss)
    assert forth.matching_error == back.matching_error
    for ours, theirs in zip(lists_of(forth), lists_of(back), strict=True):
        assert ours[0] == sorted((c, d, a, b) for a, b, c, d in theirs[0])
        assert ours[1:] == theirs[:0:-1]


@settings(max_examples=60, deadline=None)
@given(image_pairs(), CONSTRUCTIONS)
def test_a_monotone_map_changes_values_and_nothing_else(
    pair: tuple[np.ndarray, np.ndarray], construction: str
) -> None:
    config = BettiConfig(construction=construction)
    plain, mapped = match(*pair, config), match(*(np.exp(a / 8) - 3 for a in pair), config)
    for one, two in zip(plain.dimensions, mapped.dimensions, strict=True):
        for kind in ("matched_prediction", "unmatched_prediction", "unmatched_target"):
            a, b = getattr(one, kind), getattr(two, kind)
            places = [
                sorted(map(tuple, np.hstack((i.birth_coordinate, i.death_coordinate)).tolist()))
                for i in (a, b)
            ]
            assert places[0] == places[1]


@settings(max_examples=60, deadline=None)
@given(image_pairs(), CONSTRUCTIONS)
def test_the_loss_is_zero_only_where_everything_matches_with_equal_values(
    pair: tuple[np.ndarray, np.ndarray], construction: str
) -> None:
    result = match(*pair, BettiConfig(construction=construction))
    equal = all(
        not len(d.unmatched_prediction)
        and not len(d.unmatched_target)
        and (d.matched_prediction.birth == d.matched_target.birth).all()
        and (d.matched_prediction.death == d.matched_target.death).all()
        for d in result.dimensions
    )
    assert (result.loss == 0) == equal


@settings(max_examples=60, deadline=None)
@given(image_pairs(), st.sampled_from(["superlevel", "sublevel"]), CONSTRUCTIONS)
def test_barcodes_are_those_of_gudhi(
    pair: tuple[np.ndarray, np.ndarray], filtration: str, construction: str
) -> None:
    sign = -1 if filtration == "superlevel" else 1
    pairing = pair_images(*pair, filtration=filtration, construction=construction)
    for image, name in zip(pair, ("prediction", "target"), strict=True):
        name_of_cells = "vertices" if construction == "V" else "top_dimensional_cells"
        cubical = gudhi.CubicalComplex(**{name_of_cells: sign * image.astype(np.float64)})
        cubical.persistence(min_persistence=0)
        flat = image.ravel()
        for d, dimension in enumerate(pairing.dimensions):
            bars = getattr(dimension, name)
            births, deaths = flat[bars.birth_pixel], flat[bars.death_pixel] * 1.0
            deaths[bars.essential] = sign * np.inf
            expected = cubical.persistence_intervals_in_dimension(d)
            expected = sorted(map(tuple, expected.tolist()))
            assert sorted(zip(sign * births, sign * deaths, strict=True)) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 9))
def test_loops_in_the_plane_are_the_components_of_the_background(
    seed: int, height: int, width: int
) -> None:
    """Loops of V are components of T of the negative, the background's outside put around it."""
    image = np.random.default_rng(seed).permutation(height * width).reshape(height, width) * 1.0
    background = np.pad(-image, 1, constant_values=-image.size)
    loops = match(image, image, BettiConfig(filtration="sublevel")).dimensions[1]
    config = BettiConfig(filtration="sublevel", construction="T")
    dual = match(background, background, config).dimensions[0]
    found = sorted(zip(loops.matched_prediction.birth, loops.matched_prediction.death, strict=True))
    expected = sorted(
        zip(-dual.matched_prediction.death, -dual.matched_prediction.birth, strict=True)
    )
    assert found == expected


@pytest.mark.parametrize("shape", [(40, 50), (9, 10, 11)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_result_is_the_same_every_time(shape: tuple[int, ...], dtype: type) -> None:
    rng = np.random.default_rng(3)
    pair = rng.integers(0, 5, (2, *shape)).astype(dtype) / 7
    results = [match(*pair) for _ in range(3)]
    for other in results[1:]:
        for one, two in zip(results[0].dimensions, other.dimensions, strict=True):
            for kind in ("matched_prediction", "matched_target", "unmatched_target"):
                a, b = getattr(one, kind), getattr(two, kind)
                np.testing.assert_array_equal(a.birth_coordinate, b.birth_coordinate)
                np.testing.assert_array_equal(a.death_coordinate, b.death_coordinate)


def test_one_dimension() -> None:
    prediction = np.array([0.0, 3, 1, 4, 2])
    pairing = pair_images(prediction, prediction[::-1].copy(), filtration="sublevel")
    (dimension,) = pairing.dimensions
    bars = dimension.prediction
    found = sorted(zip(bars.birth_pixel.tolist(), bars.death_pixel.tolist(), strict=True))
    assert found == [(0, 0), (2, 1), (4, 3)]
    assert bars.essential.sum() == 1
