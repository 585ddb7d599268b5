"""Tests of the parts of the window's room that need no window."""

import os
import tempfile
from pathlib import Path

# napari fixes the place of its settings when it is imported; tests must not touch the user's.
os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))
