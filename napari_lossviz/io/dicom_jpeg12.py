"""A pydicom decoder plugin for JPEG Extended with 12 bits.

Of pydicom's own plugins only pylibjpeg-libjpeg decodes it, which is under the GPL; imagecodecs does
it with libjpeg-turbo. A plugin is a module with `is_available`, `DECODER_DEPENDENCIES` and a
function that decodes one frame.
"""

import numpy as np
from pydicom.pixels.decoders.base import Decoder, DecodeRunner
from pydicom.uid import JPEGExtended12Bit

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("imagecodecs",)}
_LABEL = "imagecodecs"


def is_available(uid: str) -> bool:
    """Whether frames of transfer syntax `uid` can be decoded."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """Return the pixels of one encoded frame, little endian, in the allocated depth."""
    from imagecodecs import jpeg_decode

    if runner.samples_per_pixel != 1:
        raise NotImplementedError("JPEG Extended is decoded for grayscale only")
    pixels: np.ndarray = jpeg_decode(source)
    return pixels.astype(f"<u{runner.bits_allocated // 8}").tobytes()


def add_to(decoder: Decoder) -> None:
    """Make pydicom's decoder for JPEG Extended use this plugin beside its own."""
    if JPEGExtended12Bit == decoder.UID and _LABEL not in decoder.available_plugins:
        decoder.add_plugin(_LABEL, (__name__, decode_frame.__name__))
