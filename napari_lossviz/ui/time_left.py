"""How long a run will still take; no Qt."""

_SMOOTHING = 0.2


class TimeLeft:
    """Estimates the seconds left from the steps done, the latest pace counting most."""

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None
        self._total = 0
        self._pace: float | None = None

    def update(self, done: int, total: int, now: float) -> float | None:
        """Return the seconds left, or None while it is too early to tell, or no step is left.

        Parameters
        ----------
        done, total : int
            Steps. Where the total changes, other work begins, at another pace.
        now : float
            In seconds, of a clock that only goes forward.
        """
        if total != self._total:
            self._total, self._last, self._pace = total, None, None
        if self._last is None:
            # What came before the first step (loading, compiling) says nothing about the pace.
            self._last = (done, now)
            return None
        steps, seconds = done - self._last[0], now - self._last[1]
        if steps > 0:
            pace = seconds / steps
            self._pace = (
                pace if self._pace is None else (1 - _SMOOTHING) * self._pace + _SMOOTHING * pace
            )
            self._last = (done, now)
        return None if self._pace is None or done >= total else self._pace * (total - done)


def words(seconds: float | None) -> str:
    """Return a time left for people: "12 s left", "3 min left"; empty where unknown."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s left"
    if seconds < 5400:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"
