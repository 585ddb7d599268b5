"""What a pixel loss sees, for the window: computed where torch may be loaded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.core import InputError, Reporter


def gradient_of_loss(
    name: str,
    prediction: NDArray[Any],
    target: NDArray[Any],
    filtration: str = "superlevel",
    *,
    reporter: Reporter | None = None,
) -> NDArray[np.float32]:
    """Return the derivative of a loss by each pixel of a prediction.

    Parameters
    ----------
    name : str
        Among those of `losses.CATALOGUE`.
    prediction, target : (H, W) or (D, H, W) ndarray
        Probabilities, and mask.
    filtration : str
        Of the matching that it is compared with; "sublevel": the foreground is dark, and the loss
        is that of the probabilities of being dark.
    reporter : Reporter, optional
        Not called: it takes a moment.

    Raises
    ------
    InputError
        If a value is no probability.
    """
    from napari_lossviz.losses import loss_gradients

    del reporter
    for role, image in (("prediction", prediction), ("target", target)):
        low, high = float(image.min()), float(image.max())
        if low < 0 or high > 1:
            raise InputError(
                f"{role}: values from {low:g} to {high:g}; this loss compares probabilities: scale "
                "the image to 0 ... 1"
            )
    if filtration == "superlevel":
        return loss_gradients(prediction, target, (name,))[name]
    one, two = (1 - np.asarray(image, np.float32) for image in (prediction, target))
    return -loss_gradients(one, two, (name,))[name]
