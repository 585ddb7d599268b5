"""What is sent to the engine process."""

import numpy as np

from napari_lossviz.core import Image
from napari_lossviz.jobs.engine_worker import without_headers


def test_only_the_metadata_that_a_method_reads_are_sent() -> None:
    image = Image(np.zeros((2, 3), np.float32), "yx", metadata={"bursts": (1, 2), "dicom": {}})
    assert dict(without_headers(image).metadata) == {}
    assert dict(without_headers(image, ("bursts", "missing")).metadata) == {"bursts": (1, 2)}
