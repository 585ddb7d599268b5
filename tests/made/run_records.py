"""Records of runs that never were."""

from typing import Any

from napari_lossviz.jobs.run_record import RunRecord


def made_record(name: str, **changes: Any) -> RunRecord:
    """Return a run of Filter2Noise with two terms of its loss; changes come on top."""
    known: dict[str, Any] = {
        "method": "filter2noise",
        "inputs": ("head",),
        "settings": {"steps": 8, "crop": 48},
        "metrics": {"noise": 20.0},
        "history": {"regularisation": [0.5, 0.25], "total": [2.0, 1.0]},
        "device": "cpu",
        "seconds": 1.5,
    }
    return RunRecord(name, **{**known, **changes})
