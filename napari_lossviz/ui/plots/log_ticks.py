"""Labels of a logarithmic axis where it shows a part of a decade only; Qt-free."""

import numpy as np

_LEAST = 3


def equal_steps(low: float, high: float) -> list[float]:
    """Return the logarithms of three to eight round values between two logarithms."""
    first, last = 10**low, 10**high
    if not last > first:
        return []
    power = 10.0 ** np.floor(np.log10(last - first))
    for part in (5, 2, 1, 0.5, 0.2, 0.1):
        step = part * power
        values = np.arange(np.ceil(first / step), np.floor(last / step) + 1) * step
        if len(values) >= _LEAST:
            break
    return [float(value) for value in np.log10(values[values > 0])]


def short(value: float) -> str:
    """Return a number in at most four digits."""
    if 1e-3 <= value < 1e4:
        return f"{value:.4g}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
