"""Where the compressed frames of a file begin, where it does not say so itself."""

import struct
from io import BytesIO

from pydicom.dataset import FileDataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.uid import UID


def tell_frame_places(whole: FileDataset, count: int) -> None:
    """Add the table of where each frame begins, if there is none.

    Without one, pydicom looks for each frame from the first on: the time grows with the square of
    their number, to hours for some ten thousand.

    Parameters
    ----------
    whole : FileDataset
        With its compressed pixels; altered.
    count : int
        How many frames the header speaks of. Where they have several fragments each, nothing is
        done: only their decoder knows where one ends.
    """
    syntax = UID(whole.file_meta.get("TransferSyntaxUID", ""))
    if count < 2 or not syntax.is_transfer_syntax or not syntax.is_encapsulated:
        return
    if "PixelData" not in whole or "ExtendedOffsetTable" in whole:
        return
    stream = BytesIO(whole.PixelData)
    try:
        if parse_basic_offsets(stream):
            return
        first = stream.tell()
        fragments, places = parse_fragments(stream)
    except ValueError:  # a damaged end: frames before it may be sound
        return
    if fragments != count:
        return
    content = stream.getbuffer()
    lengths = [struct.unpack_from("<I", content, place + 4)[0] for place in places]
    whole.ExtendedOffsetTable = struct.pack(f"<{count}Q", *(place - first for place in places))
    whole.ExtendedOffsetTableLengths = struct.pack(f"<{count}Q", *lengths)
