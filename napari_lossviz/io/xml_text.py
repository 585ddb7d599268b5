"""XML files of others: without document types, so that no entity can be declared in them.

An entity can name a file of this machine or a place in the net, and few of them in each other
make gigabytes of a few bytes. No format that is read here needs them.
"""

from xml.etree import ElementTree

from napari_lossviz.core import InputError

Element = ElementTree.Element

LARGEST_XML = 256 << 20
"""Bytes of XML that are parsed at most; a satellite product's annotation has a few million."""


def parse_xml(content: bytes, where: str) -> Element:
    """Return the root of an XML file.

    Parameters
    ----------
    content : bytes
    where : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        If it is no XML, is too large, or declares a document type.
    """
    refuse_large(len(content), where)
    try:
        parser = ElementTree.XMLParser(target=_WithoutDocumentType(where))
        parser.feed(content)
        root: Element = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: not a readable XML file ({error})") from error
    return root


def refuse_large(size: int, where: str) -> None:
    """Raise `InputError` if an XML file of `size` bytes is larger than any sound one."""
    if size > LARGEST_XML:
        raise InputError(
            f"{where}: {size / 1e6:.0f} MB of XML, more than the {LARGEST_XML / 1e6:.0f} MB that "
            "are read; the file is damaged, or made to fill the memory"
        )


def refuse_document_type(text: str, where: str) -> None:
    """Raise `InputError` if XML that another library will parse declares a document type."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise has_document_type(where)


def has_document_type(where: str) -> InputError:
    """Return the error of XML that declares a document type."""
    return InputError(
        f"{where}: refused, since its XML declares a document type, which can name other files or "
        "fill the memory; no such file needs one. Get it again from a trusted place"
    )


class _WithoutDocumentType(ElementTree.TreeBuilder):
    """Builds the tree, and raises before the declarations of a document type are looked at."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise has_document_type(self._where)
