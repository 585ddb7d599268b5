"""Painted edits belong to the image that they were painted on; the others fit every image."""

import numpy as np
import pytest

from napari_lossviz.core import Edit, Image, Region, Stroke, WholeMap
from napari_lossviz.jobs.batch.fitting_edits import fitting_edits

STROKE = Stroke(points=((300.0, 400.0),), radius=5)
REGION = Region(vertices=((0.0, 0.0), (0.0, 9.0), (9.0, 9.0)))
WHOLE = WholeMap(value=2.0)


def image(*shape: int) -> Image:
    return Image(np.zeros(shape, np.float32), "zyx"[-len(shape) :])


@pytest.mark.parametrize(
    ("edits", "shape", "kept", "said"),
    [
        ((STROKE, REGION, WHOLE), (512, 512), 3, ()),
        (
            (STROKE, REGION, WHOLE),
            (256, 256),
            1,
            ("2 edits left out: painted on 512 x 512, this image is 256 x 256",),
        ),
        (
            (REGION,),
            (3, 512, 513),
            0,
            ("1 edit left out: painted on 512 x 512, this image is 512 x 513",),
        ),
        ((WholeMap(slices=(2, 9)),), (3, 512, 512), 1, ()),
        (
            (WholeMap(slices=(3, 9)), WholeMap(slices=(5, 6))),
            (3, 512, 512),
            0,
            (
                "1 edit left out: made on slices 4 to 9, this image has 3",
                "1 edit left out: made on slice 6, this image has 3",
            ),
        ),
        (
            (WholeMap(slices=(1, 2)),),
            (512, 512),
            0,
            ("1 edit left out: made on slice 2, this image has 1",),
        ),
    ],
)
def test_edits_that_do_not_fit_are_left_out_and_named(
    edits: tuple[Edit, ...], shape: tuple[int, ...], kept: int, said: tuple[str, ...]
) -> None:
    found, warnings = fitting_edits(edits, (512, 512), image(*shape))
    assert len(found) == kept
    assert warnings == said


def test_where_nothing_says_what_they_were_painted_on_only_what_lies_outside_is_left_out() -> None:
    found, warnings = fitting_edits((STROKE, REGION), None, image(256, 256))
    assert found == (REGION,)
    assert warnings == ("1 edit left out: painted beyond the border, this image is 256 x 256",)
