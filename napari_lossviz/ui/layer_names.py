"""What a layer is called: napari shortens long names in the middle, where products differ."""

import re

_SENTINEL_1 = re.compile(r"^(S1[A-D])_\w{2}_SLC__\w{4}_(\d{8})T[\w.]* (\w+) ([HV]{2})(?=\s|$)")


def layer_name(name: str) -> str:
    """Return an image's name as its layer bears it.

    Of a Sentinel-1 product, mission, day, swath and polarisation are left: "S1A 20260101 IW1 VV".
    """
    return _SENTINEL_1.sub(r"\1 \2 \3 \4", name)
