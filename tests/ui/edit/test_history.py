"""Undo and redo against a plain list of all earlier states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Edit, Stroke, WholeMap
from napari_lossviz.ui.edit.history import EditHistory


def edit(number: int) -> Edit:
    return WholeMap(value=float(number + 1))


commands = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 5), min_size=1, max_size=3)),
        st.tuples(st.just("replace"), st.lists(st.integers(0, 5), max_size=4)),
        st.tuples(st.just("undo"), st.just([])),
        st.tuples(st.just("redo"), st.just([])),
    ),
    max_size=30,
)


@given(start=st.lists(st.integers(0, 5), max_size=3), commands=commands)
def test_it_goes_through_the_states_as_a_list_of_them_would(
    start: list[int], commands: list[tuple[str, list[int]]]
) -> None:
    history = EditHistory([edit(n) for n in start])
    states, at = [history.edits], 0
    for command, numbers in commands:
        edits = tuple(edit(n) for n in numbers)
        if command == "add":
            history.add(*edits)
            states[at + 1 :] = [(*states[at], *edits)]
            at += 1
        elif command == "replace":
            history.replace(edits)
            if edits != states[at]:  # nothing is no step
                states[at + 1 :] = [edits]
                at += 1
        elif command == "undo":
            history.undo()
            at = max(0, at - 1)
        else:
            history.redo()
            at = min(len(states) - 1, at + 1)
        assert history.edits == states[at]
        assert history.can_undo == (at > 0)
        assert history.can_redo == (at < len(states) - 1)


def test_a_stroke_that_grows_is_one_step() -> None:
    history = EditHistory([edit(0)])
    short = Stroke(points=((1, 1),))
    long = Stroke(points=((1, 1), (2, 2)))
    history.add(short)
    history.grow(long)
    assert history.edits == (edit(0), long)
    history.undo()
    assert history.edits == (edit(0),)
    history.redo()
    assert history.edits == (edit(0), long)


def test_nothing_grows_before_something_was_done() -> None:
    with pytest.raises(IndexError):
        EditHistory([edit(0)]).grow(edit(1))
