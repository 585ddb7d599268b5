from typing import Any

import numpy as np
import pytest

from napari_lossviz import samples
from napari_lossviz.core import Image, InputError
from napari_lossviz.stain.align import align, refuse_large


def test_sections_of_another_pixel_size_are_brought_together() -> None:
    source, _ = samples.stain_pair()
    (turned,) = samples.stain_neighbour()
    half = np.asarray(turned.array)[::2, ::2]
    coarse = Image(half, "yxc", (1.0, 1.0, 1.0), ("um", "um", ""), name="coarse")
    found = align(coarse, source)
    assert found.pixels.shape == found.check.shape == source.shape
    assert found.registration.angle == pytest.approx(-12, abs=1)
    assert found.registration.scale == pytest.approx(1, abs=0.03)
    assert not found.registration.mirrored  # though it was tried: neighbours agree by 0.9
    # The chequerboard is made of both, and of nothing else.
    both = (found.check == source.array) | (found.check == found.pixels)
    assert both.all()


def test_what_cannot_be_registered_is_refused(ihc: Any) -> None:
    with pytest.raises(InputError, match="no tissue"):
        align(np.full((64, 64, 3), 240, np.uint8), ihc[:64, :64])
    with pytest.raises(InputError, match="grey"):
        align(ihc[..., 0], ihc)
    source, _ = samples.stain_pair()
    far = source.replace(spacing=(60.0, 60.0, 1.0), name="far")
    with pytest.raises(InputError, match=r"far: brought to the pixel size.*too many at once"):
        align(far, source)
    slide = Image(np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)), "yxc", name="slide")
    with pytest.raises(InputError, match="choose a region"):
        refuse_large(slide)
