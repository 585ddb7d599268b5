"""Where an export is proposed to go: beside what was read, never within a product."""

from pathlib import Path

import numpy as np
import pytest

from napari_lossviz.core import Image, Origin, OutputError
from napari_lossviz.jobs.export import check_output
from napari_lossviz.merlin import MerlinConfig, MerlinResult
from napari_lossviz.merlin.normalisation import NORMALISATIONS
from napari_lossviz.merlin.weights import MerlinWeights
from napari_lossviz.ui.export_panel import proposed_folder


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("S1A_X.SAFE/measurement/s1a-iw1.tiff", "S1A_X_merlin"),
        ("in/S1A_X.SAFE/measurement/s1a-iw1.tiff", "in/S1A_X_merlin"),
        ("in/S1A_X.zip", "in/S1A_X_merlin"),
        ("in/S1A_X.SAFE.zip", "in/S1A_X_merlin"),
        ("TSX1_SAR__SSC/IMAGEDATA/IMAGE_HH.cos", "TSX1_SAR__SSC_merlin"),
        ("scenes/field.tif", "scenes_merlin"),
    ],
)
def test_it_lies_beside_the_product(tmp_path: Path, file: str, folder: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    slc = np.ones((4, 4), np.complex64)
    result = MerlinResult(
        source=Image(slc, "yx", name="scene", origin=Origin((path,), "safe")),
        config=MerlinConfig(),
        amplitude=np.abs(slc),
        weights=MerlinWeights({}, NORMALISATIONS["spotlight"], "none"),
    )
    assert proposed_folder(result) == tmp_path / folder


def test_a_product_is_refused_before_a_run(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="never altered"):
        check_output(tmp_path / "S1A_X.SAFE" / "out", overwrite=True)
