"""Who changes the whole view of a viewer now: one comparison at a time, whichever dock began it.

Each remembers how the viewer looked before; two at once would remember each other's views.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakMethod

_HOLDERS: "WeakKeyDictionary[Any, WeakMethod[Callable[[], None]]]" = WeakKeyDictionary()
"""By viewer: what ends its comparison. Held weakly, as docks come and go."""


def take_canvas(viewer: Any, give_way: Callable[[], None]) -> None:
    """End the comparison that is on, if any, before another begins.

    Parameters
    ----------
    viewer : napari.Viewer
    give_way : bound method
        Ends the new comparison when the next one begins; it may be called when that has ended.
    """
    held = _HOLDERS.get(viewer)
    end = None if held is None else held()
    if end is not None and end != give_way:
        end()
    _HOLDERS[viewer] = WeakMethod(give_way)
