from napari_lossviz.ui.lab.chosen_runs import MOST, ChosenRuns


def test_a_run_keeps_its_colour_and_a_free_one_is_given_again() -> None:
    chosen = ChosenRuns()
    assert all(chosen.choose(name) for name in "abc")
    chosen.leave("b")
    assert (chosen.slot("a"), chosen.slot("b"), chosen.slot("c")) == (0, None, 2)
    assert chosen.choose("d")
    assert chosen.choose("c")
    assert chosen.among("cda") == [("c", 2), ("d", 1), ("a", 0)]


def test_when_all_colours_are_taken_no_further_run_is_chosen() -> None:
    chosen = ChosenRuns()
    assert all(chosen.choose(n) for n in range(MOST))
    assert not chosen.choose("one more")
    assert chosen.slot("one more") is None
