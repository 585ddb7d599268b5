"""Plain text for DICOM elements: any character set can hold it, and its length fits."""

import unicodedata

_ELLIPSIS = " ..."
_SIGNS = {"×": "x", "·": "*", "–": "-", "—": "-", "…": "...", "µ": "u", "λ": "lambda", "²": "^2"}


def plain_text(text: str, longest: int) -> str:
    """Return `text` in ASCII, without backslashes, which separate values, and cut visibly.

    Greek letters become their names and accents are dropped.
    """
    written = "".join(_plain(character) for character in text).replace("\\", "/")
    written = " ".join(written.split())
    if len(written) <= longest:
        return written
    return written[: longest - len(_ELLIPSIS)].rstrip() + _ELLIPSIS


def _plain(character: str) -> str:
    if character.isascii():
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    name = unicodedata.name(character, "")
    if name.startswith("GREEK "):
        return name.split(" LETTER ")[-1].split(" WITH ")[0].lower()
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"
