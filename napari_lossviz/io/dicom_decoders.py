"""Which of pydicom's decoders is asked for which compression, and one of our own."""

from pathlib import Path

import numpy as np
from pydicom.pixels.decoders.base import Decoder, DecodeRunner, get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from napari_lossviz.core import MissingPackageError, UnsupportedFileError

DECODER_DEPENDENCIES = {
    JPEGExtended12Bit: ("imagecodecs",),
    JPEGLossless: ("imagecodecs",),
    JPEGLosslessSV1: ("imagecodecs",),
}
"""pydicom asks a plugin module for this, and for `is_available`."""

_PLUGINS: dict[str, tuple[str, ...]] = {
    RLELossless: ("pylibjpeg", "pydicom"),
    JPEGBaseline8Bit: ("pillow",),
    JPEGExtended12Bit: ("pillow", "imagecodecs"),
    JPEGLossless: ("imagecodecs",),
    JPEGLosslessSV1: ("imagecodecs",),
    JPEGLSLossless: ("pyjpegls",),
    JPEGLSNearLossless: ("pyjpegls",),
    JPEG2000Lossless: ("pylibjpeg",),
    JPEG2000: ("pylibjpeg",),
    HTJ2KLossless: ("pylibjpeg",),
    HTJ2KLosslessRPCL: ("pylibjpeg",),
    HTJ2K: ("pylibjpeg",),
}
"""Plugins by transfer syntax, in the order of asking.

Left to itself pydicom asks GDCM first or second, which ends the whole process at some damaged JPEG
and JPEG-LS streams. So it is never asked.
"""


def decoders_for(path: Path, syntax: UID) -> tuple[Decoder, tuple[str, ...]]:
    """Return the decoder for a transfer syntax and the names of the plugins to try.

    Raises
    ------
    UnsupportedFileError
        If the pixels are compressed in a way that cannot be read, such as video.
    MissingPackageError
        If no plugin for the compression is installed.
    """
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise UnsupportedFileError(
            f"{path}: the pixels are encoded as {syntax.name}, which cannot be read; expected "
            "uncompressed, RLE, JPEG, JPEG-LS or JPEG 2000. Export the series in one of these"
        ) from error
    if not syntax.is_encapsulated:
        return decoder, ("",)
    if syntax in DECODER_DEPENDENCIES and "imagecodecs" not in decoder.available_plugins:
        decoder.add_plugin("imagecodecs", (__name__, decode_jpeg.__name__))
    wanted = _PLUGINS.get(syntax, ())
    plugins = tuple(name for name in wanted if name in decoder.available_plugins)
    if not plugins:
        raise MissingPackageError(
            f"{path}: the decoder for {syntax.name} is not installed. Install it with: "
            "python -m pip install imagecodecs pylibjpeg pylibjpeg-openjpeg pylibjpeg-rle "
            "pyjpegls pillow"
        )
    return decoder, plugins


def is_available(uid: str) -> bool:
    """Whether `decode_jpeg` takes frames of transfer syntax `uid`."""
    return uid in DECODER_DEPENDENCIES


def decode_jpeg(source: bytes, runner: DecodeRunner) -> bytes:
    """Return the pixels of one JPEG frame, little endian, in the allocated depth.

    Extended: of pydicom's own plugins only pylibjpeg-libjpeg decodes 12 bits, which is under the
    GPL. Lossless: that one and GDCM. imagecodecs does both with libjpeg-turbo.
    """
    from imagecodecs import jpeg_decode

    if runner.samples_per_pixel != 1 and runner.transfer_syntax == JPEGExtended12Bit:
        raise NotImplementedError("JPEG Extended is decoded for grayscale only")
    pixels: np.ndarray = jpeg_decode(source)
    if runner.samples_per_pixel != 1:
        runner.set_option("planar_configuration", 0)
    return pixels.astype(f"<u{runner.bits_allocated // 8}").tobytes()
