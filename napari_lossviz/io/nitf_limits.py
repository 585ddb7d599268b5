"""What the header of a NITF file may ask for, checked before its library does as it says."""

from pathlib import Path
from typing import BinaryIO

from napari_lossviz.core import InputError

_HEADER_LENGTH = (354, 6)
_IMAGES = (360, 3)
"""Place and number of the digits that state the header's length, and the number of images."""
_SUBHEADER, _IMAGE = 6, 10
"""Digits of the lengths of an image's header and of its pixels."""
_TO_COORDINATES = 371
"""Bytes of an image's header before the letter that says whether its corners follow."""
_CORNERS = 60
_COMMENT = 80
_UNCOMPRESSED = (b"NC", b"NM")
_MANY = b"0"
"""In place of the number of bands: it follows in five digits."""


def refuse_many_bands(path: Path) -> None:
    """Raise if an image has more bands than a digit says: of SICD each has one or two.

    The library takes hours for some ten thousand.

    Raises
    ------
    InputError
        Of a header that is damaged otherwise nothing is said: the library does.
    """
    with path.open("rb") as stream:

        def number(place: int, digits: int) -> int:
            stream.seek(place)
            return int(stream.read(digits))

        try:
            place = number(*_HEADER_LENGTH)
            lengths = sum(_IMAGES)
            for image in range(number(*_IMAGES)):
                at = lengths + image * (_SUBHEADER + _IMAGE)
                if _bands(stream, place) == _MANY:
                    raise InputError(
                        f"{path}: an image of more than 9 bands, expected the one or two of a "
                        "SICD; the file is damaged, or none"
                    )
                place += number(at, _SUBHEADER) + number(at + _SUBHEADER, _IMAGE)
        except InputError:
            raise
        except ValueError:
            return


def _bands(stream: BinaryIO, place: int) -> bytes:
    """Return the digit that states the number of bands of the image whose header begins here."""
    stream.seek(place + _TO_COORDINATES)
    if stream.read(1) != b" ":
        stream.seek(_CORNERS, 1)
    stream.seek(int(stream.read(1)) * _COMMENT, 1)
    if stream.read(2) not in _UNCOMPRESSED:
        stream.seek(4, 1)
    return stream.read(1)
