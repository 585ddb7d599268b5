"""Forms from configurations: every method's, and one with every kind of field."""

from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import model_validator
from qtpy.QtCore import Qt

from napari_lossviz.betti import BettiConfig
from napari_lossviz.core import InputError, MethodConfig, setting
from napari_lossviz.filter2noise.config import Filter2NoiseConfig
from napari_lossviz.jobs.registry import METHODS
from napari_lossviz.ui.field_widgets import NOT_GIVEN, OWN_VALUE
from napari_lossviz.ui.forms import ConfigForm


class AllKinds(MethodConfig):
    method = "all kinds"

    word: Literal["auto", "manual"] = setting("auto", "A word.", advanced=False)
    count: int = setting(3, "A number of things.", ge=1, le=9, unit="px", advanced=False)
    rate: float = setting(5e-3, "A small number.", gt=0, le=1)
    yes: bool = setting(False, "Yes or no.")
    text: str = setting("cpu", "Some text.")
    range: tuple[float, float] | Literal["content", "full"] = setting("content", "Two ends.")
    box: tuple[int, int, int, int] | None = setting(None, "A region.")
    level: float | None = setting(None, "A level.", gt=0)

    @model_validator(mode="after")
    def _check(self) -> "AllKinds":
        if not isinstance(self.range, str) and self.range[0] >= self.range[1]:
            raise ValueError("range must rise from low to high")
        return self


@pytest.mark.parametrize("name", METHODS)
def test_every_preset_of_every_method_survives_the_form(qtbot: Any, name: str) -> None:
    method = METHODS[name]
    form = ConfigForm(method.preset(method.presets[0]), leave_out=("device",))
    qtbot.addWidget(form)
    for preset in method.presets:
        form.set_config(method.preset(preset))
        assert form.config() == method.preset(preset)
        assert form.error == ""


numbers = st.floats(1e-6, 1, exclude_min=True).map(lambda x: float(f"{x:.6g}"))
ends = st.tuples(st.integers(-1000, 0), st.integers(1, 1000)).map(lambda p: tuple(map(float, p)))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    config=st.builds(
        AllKinds,
        word=st.sampled_from(["auto", "manual"]),
        count=st.integers(1, 9),
        rate=numbers,
        yes=st.booleans(),
        text=st.text("abc:019", max_size=8),
        range=ends | st.sampled_from(["content", "full"]),
        box=st.none() | st.tuples(*[st.integers(0, 5000)] * 4),
        level=st.none() | numbers,
    )
)
def test_any_configuration_survives_the_form(qtbot: Any, config: AllKinds) -> None:
    form = ConfigForm(AllKinds())
    qtbot.addWidget(form)
    form.set_config(config)
    assert form.config() == config


def test_a_field_has_its_bounds_unit_and_description(qtbot: Any) -> None:
    form = ConfigForm(AllKinds())
    qtbot.addWidget(form)
    box = form.fields["count"].widget
    assert (box.minimum(), box.maximum()) == (1, 9)
    assert form.fields["count"].title == "Count (px)"
    assert "A number of things." in box.toolTip()
    assert "from 1" in box.toolTip()
    assert form.fields["rate"].widget.text() == "0.005"


def test_fields_left_out_keep_the_values_set_last(qtbot: Any) -> None:
    form = ConfigForm(Filter2NoiseConfig(), leave_out=("device", "predictor"))
    qtbot.addWidget(form)
    assert set(form.fields) == set(Filter2NoiseConfig.model_fields) - {"device", "predictor"}
    form.set_config(Filter2NoiseConfig.instant())
    assert form.config() == Filter2NoiseConfig.instant()


def test_what_people_type_is_taken_and_told(qtbot: Any) -> None:
    form = ConfigForm(AllKinds())
    qtbot.addWidget(form)
    form.show()
    rate = form.fields["rate"].widget
    rate.selectAll()
    with qtbot.waitSignal(form.changed):
        qtbot.keyClicks(rate, "2e-2")
        qtbot.keyClick(rate, Qt.Key.Key_Return)
    assert form.config() == AllKinds(rate=0.02)


def test_what_is_typed_counts_before_the_box_loses_the_focus(qtbot: Any) -> None:
    form = ConfigForm(AllKinds())
    qtbot.addWidget(form)
    form.show()
    for name, text in (("count", "7"), ("rate", "2e-2")):
        box = form.fields[name].widget
        box.selectAll()
        qtbot.keyClicks(box, text)
    assert form.config() == AllKinds(count=7, rate=0.02)  # as a button does where none gets focus
    count = form.fields["count"].widget
    count.lineEdit().setText("")
    assert form.config().count in range(1, 10)


def test_values_that_do_not_fit_are_said_inline(qtbot: Any) -> None:
    form = ConfigForm(AllKinds())
    qtbot.addWidget(form)
    form.set_config(AllKinds(range=(0.0, 10.0)))
    form.fields["range"].widget.findChildren(type(form.fields["rate"].widget))[0].setValue(20)
    assert "range must rise" in form.error
    assert form._error.text() == form.error
    assert not form._error.isHidden()
    with pytest.raises(InputError, match="rise"):
        form.config()
    form.set_config(AllKinds())
    assert form._error.isHidden()


def test_the_label_of_a_mask_starts_above_the_background(qtbot: Any) -> None:
    form = ConfigForm(BettiConfig())
    qtbot.addWidget(form)
    choice = form.fields["label"]._choice
    assert set(choice.choices) == {NOT_GIVEN, "any", OWN_VALUE}
    choice.value = OWN_VALUE
    assert form.config().label == 1
    choice.value = "any"
    assert form.config().label == "any"
    assert not form.error
