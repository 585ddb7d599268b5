"""The window: the only room that imports napari and Qt."""

import warnings

# napari shows a warning of its own as a notification to the user, who can do nothing about it. For
# the canvas itself there is no public way yet; the window's tests run against each napari release.
warnings.filterwarnings(
    "ignore", "Private attribute access", FutureWarning, module=r"napari_lossviz\."
)
