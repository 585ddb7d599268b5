"""``python -m napari_lossviz.cli``: the command where its script is not on the path."""

import sys

from napari_lossviz.cli.main import main

sys.exit(main())
