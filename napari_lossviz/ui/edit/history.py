"""The list of edits with undo and redo, without limit; Qt-free."""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_lossviz.core import Edit

Edits = tuple[Edit, ...]


@dataclass(frozen=True)
class _Step:
    """One thing that the user did: behind the first `kept` edits, `before` became `after`."""

    kept: int
    before: Edits
    after: Edits


class EditHistory:
    """A list of edits and the way it came about.

    A step may add several edits (an interpolation) or replace them all (a file that was loaded);
    it is undone as a whole.

    Parameters
    ----------
    edits : sequence of Edit
        Where the history starts; undo does not go behind it.
    """

    def __init__(self, edits: Sequence[Edit] = ()) -> None:
        self._edits: Edits = tuple(edits)
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    @property
    def edits(self) -> Edits:
        """The edits that count now, in order."""
        return self._edits

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone and nothing was done since."""
        return bool(self._undone)

    def add(self, *edits: Edit) -> None:
        """Append edits as one step; what was undone is gone."""
        self._do(_Step(len(self._edits), (), edits))

    def grow(self, edit: Edit) -> None:
        """Replace the last edit of the last step: a stroke that goes on.

        Raises
        ------
        IndexError
            If nothing was done yet.
        """
        last = self._done[-1]
        self._done[-1] = _Step(last.kept, last.before, (*last.after[:-1], edit))
        self._edits = (*self._edits[:-1], edit)

    def replace(self, edits: Sequence[Edit]) -> None:
        """Put another list in place of this one, as one step."""
        new = tuple(edits)
        kept = 0
        while kept < min(len(new), len(self._edits)) and new[kept] == self._edits[kept]:
            kept += 1
        if new != self._edits:
            self._do(_Step(kept, self._edits[kept:], new[kept:]))

    def undo(self) -> None:
        """Take the last step back, if there is one."""
        if self._done:
            step = self._done.pop()
            self._undone.append(step)
            self._edits = (*self._edits[: step.kept], *step.before)

    def redo(self) -> None:
        """Do again what was undone last, if there is something."""
        if self._undone:
            step = self._undone.pop()
            self._done.append(step)
            self._edits = (*self._edits[: step.kept], *step.after)

    def _do(self, step: _Step) -> None:
        self._done.append(step)
        self._undone.clear()
        self._edits = (*self._edits[: step.kept], *step.after)
