"""Damaged files of every kind: a reader says what is wrong, or reads, and nothing else.

Quick and the same each time by default. By hand, longer and at random::

    LOSSVIZ_FUZZ_SECONDS=900 .venv/bin/python -m pytest tests/fuzz -p no:pytest-qt -p no:xvfb

which gives each kind of file its share of the 900 seconds.
"""

import os
import random
import re
import time
from collections.abc import Iterator

import pytest
from fuzz_child import PREFIX, FuzzChild
from fuzz_seeds import Seed, make_seeds
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

KINDS = (
    "dicom native", "dicom implicit", "dicom big endian", "dicom enhanced", "dicom rle",
    "dicom jpeg", "dicom jpeg lossless", "dicom jpeg-ls", "dicom jpeg 2000", "dicom deflated",
    "dicom series",
    "tiff", "tiff of tiles", "tiff of many codecs", "tiff with lzw", "ome-tiff", "imagej", "slide",
    "npy", "jpeg", "png", "png below its checksums", "nifti", "nifti in gzip",
    "nrrd raw", "nrrd gzip", "nrrd ascii", "nrrd detached",
    "complex geotiff", "cosar", "sicd", "envi",
    "safe in a zip", "safe annotation", "safe noise table", "safe measurement",
    "recipe", "geojson", "region table", "shapes table", "qupath", "settings", "edits",
    "stain checkpoint", "stain checkpoint of the authors", "merlin weights",
    "merlin weights in pth", "stain training state", "merlin training state",
    "pair p.png", "pair p.jpg", "pair p.tif",
)  # fmt: skip
SECONDS = float(os.environ.get("LOSSVIZ_FUZZ_SECONDS", 0))
EXAMPLES = 25

_NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1)
_TEXTS = (
    b"0", b"-1", b"1", b"3", b"65535", b"2147483647", b"4294967296", b"99999999999999999999",
    b"1e9", b"1e400", b"-0.5", b"nan", b"inf", b"", b"null", b'"x"', b"[]", b"{}", b"true",
)  # fmt: skip
_PLACE = st.one_of(st.integers(0, 64), st.integers(0, 700), st.integers(0, 1 << 20))
DAMAGE = st.one_of(
    st.tuples(st.just("byte"), _PLACE, st.integers(0, 255)),
    st.tuples(
        st.just("number"), _PLACE, st.sampled_from(_NUMBERS), st.sampled_from((2, 4, 8)),
        st.sampled_from(("little", "big")),
    ),
    st.tuples(st.just("digits"), _PLACE, st.sampled_from(_TEXTS)),
    st.tuples(st.just("cut"), _PLACE),
    st.tuples(st.just("remove"), _PLACE, st.integers(1, 40)),
    st.tuples(st.just("insert"), _PLACE, st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("repeat"), _PLACE, st.integers(1, 40), st.integers(2, 3000)),
    st.tuples(st.just("replace"), st.integers(0, 40), st.binary(max_size=200)),
)  # fmt: skip
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?")


def damaged(content: bytes, changes: list[tuple]) -> bytes:
    """Return a file's content with some changes, one after the other."""
    for what, place, *more in changes:
        if not content:
            break
        at = place % len(content)
        if what == "byte":
            content = content[:at] + bytes(more) + content[at + 1 :]
        elif what == "number":
            value, size, order = more
            number = (value & (2 ** (8 * size) - 1)).to_bytes(size, order)
            content = content[:at] + number + content[at + size :]
        elif what == "digits":
            found = list(_DIGITS.finditer(content))
            if found:
                one = found[place % len(found)]
                content = content[: one.start()] + more[0] + content[one.end() :]
        elif what == "cut":
            content = content[:at]
        elif what == "remove":
            content = content[:at] + content[at + more[0] :]
        elif what == "insert":
            content = content[:at] + more[0] + content[at:]
        elif what == "repeat":
            content = content[:at] + content[at : at + more[0]] * more[1] + content[at + more[0] :]
        else:
            content = content[:at] + more[0]
    return content


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seed]:
    for package in ("rasterio", "sarkit", "openslide"):
        pytest.importorskip(package)
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def child() -> Iterator[FuzzChild]:
    child = FuzzChild()
    yield child
    child.close()


def test_every_seed_is_a_kind(seeds: dict[str, Seed]) -> None:
    assert sorted(seeds) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_told_in_words(seeds: dict[str, Seed], child: FuzzChild, kind: str) -> None:
    start = seeds[kind]
    sound = child.open(start.damaged(start.files[start.target]), _opened(start), start.opener)
    assert not sound.fault, sound.fault
    if kind != "merlin weights in pth":  # the seed is of another network
        assert not sound.error, sound.error

    @settings(
        max_examples=100 if SECONDS else EXAMPLES,
        derandomize=not SECONDS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(DAMAGE, min_size=1, max_size=5))
    def check(changes: list[tuple]) -> None:
        content = damaged(start.files[start.target], changes)
        outcome = child.open(start.damaged(content), _opened(start), start.opener)
        counts.append(bool(outcome.error))
        assert not outcome.fault, f"{changes}\n{outcome.fault}"
        assert not outcome.error or PREFIX in outcome.error

    counts: list[bool] = []
    if not SECONDS:
        check()
    end = time.monotonic() + SECONDS / len(KINDS)
    while time.monotonic() < end:
        seed(random.randrange(2**32))(check)()
    if SECONDS:
        print(f"{kind}: {len(counts)} files, {sum(counts)} of them refused")


def _opened(start: Seed) -> str:
    return start.opened or start.target
