"""The loss of the paper: how unlikely one part is under the reflectivity seen in the other."""

from torch import Tensor

_FLOOR = 1e-6
"""Keeps the quotient finite where the reflectivity vanishes."""

_LARGEST = 60.0
"""Logarithm beyond which the quotient is 0 in any case, and its gradient would be no number."""


def misfit(log_reflectivity: Tensor, component: Tensor) -> Tensor:
    """Return b²/R per pixel: 1/2 on average where the speckle model holds, more where it fails."""
    return component.square() / (log_reflectivity.clamp(max=_LARGEST).exp() + _FLOOR)


def negative_log_likelihood_map(log_reflectivity: Tensor, component: Tensor) -> Tensor:
    """Return 0.5 log R + b²/R per pixel, up to a constant."""
    return 0.5 * log_reflectivity + misfit(log_reflectivity, component)


def negative_log_likelihood(log_reflectivity: Tensor, component: Tensor) -> Tensor:
    """Return the mean of 0.5 log R + b²/R.

    A real or imaginary part b of circular speckle is Gaussian with variance R/2; minimised over R,
    the mean gives R = 2 E[b²], the reflectivity.

    Parameters
    ----------
    log_reflectivity : Tensor
        log R, in the square of the component's unit.
    component : Tensor of the same shape
        The part that the network did not see.
    """
    return negative_log_likelihood_map(log_reflectivity, component).mean()
