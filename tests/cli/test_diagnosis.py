import sys

import pytest

from napari_lossviz.cli import diagnosis
from napari_lossviz.cli.diagnosis import Finding


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def torch(cuda: str | None, *devices: list[object]) -> dict[str, object]:
    return {"version": "2.13.0", "cuda": cuda, "devices": [*devices, ["CPU", 2**30]]}


def test_nvidia_gpu_with_a_cpu_build_says_how_to_get_cuda() -> None:
    finding = diagnosis.check_torch(torch(None), ["NVIDIA A100"])[-1]
    assert finding.level == "note"
    for part in ("NVIDIA A100", "https://pytorch.org", "--force-reinstall"):
        assert part in finding.text


def test_free_memory_of_a_gpu_is_shown() -> None:
    device = ["NVIDIA A100 (cuda:0)", 3 * 2**30]
    findings = diagnosis.check_torch(torch("12.8", device), ["NVIDIA A100"])
    assert levels(findings) == ["fine"] * 3
    assert "3.0 GiB of memory free" in findings[1].text


def test_cuda_build_that_sees_no_gpu_names_the_driver() -> None:
    assert "driver" in diagnosis.check_torch(torch("12.8"), ["NVIDIA A100"])[-1].text


def test_torch_that_does_not_load_is_essential() -> None:
    assert levels(diagnosis.check_torch("OSError: libgomp", [])) == ["missing"]


def test_both_bindings_without_a_choice() -> None:
    both = {"PyQt5": "5.15", "PyQt6": "6.11"}
    used = {"name": "PyQt5", "version": "5.15"}
    assert "QT_API=pyqt5 or QT_API=pyqt6" in diagnosis.check_qt(both, "", used)[-1].text
    assert levels(diagnosis.check_qt(both, "pyqt6", used)) == ["fine"]
    assert "[pyqt5]" in diagnosis.check_qt({}, "", "no Qt")[0].text


def test_clashes() -> None:
    known = {"opencv-python": "4.11", "PyQt5": "5.15", "deepdespeckling": "0.8"}
    texts = [finding.text for finding in diagnosis.check_clashes(known)]
    assert "opencv-python-headless" in texts[0]
    assert "never import" in texts[1]
    assert levels(diagnosis.check_clashes({"PyQt5": "5.15"})) == ["fine"]


def test_probe_gives_the_answer_or_the_last_line_of_the_error() -> None:
    assert diagnosis.probe("print('{\"a\": 1}')") == {"a": 1}
    assert diagnosis.probe("raise OSError('libGL missing')") == "OSError: libGL missing"


def test_missing_requirement_is_essential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.metadata, "requires", lambda _: ["no-such-package>=2", "numpy"])
    findings = diagnosis.check_packages()
    assert levels(findings) == ["fine", "missing"]
    assert 'pip install "no-such-package>=2"' in findings[1].text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="DISPLAY is X11's")
def test_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert levels(diagnosis.check_display()) == ["note"]
    monkeypatch.setenv("DISPLAY", ":9")
    assert levels(diagnosis.check_display()) == ["fine"]
