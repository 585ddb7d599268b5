"""The options that say where the patient's identity is told."""

from typing import Annotated, Protocol

import tyro

from napari_lossviz.core import Identity, InputError

KeepIdentity = Annotated[
    bool,
    tyro.conf.arg(
        help="Tell names and paths of DICOM images in recipe, report, log and summary, and in the "
        "names of results. They may tell the patient, and are left out otherwise."
    ),
]
DropIdentity = Annotated[
    bool,
    tyro.conf.arg(
        help="De-identify the headers of derived DICOM files, too: they keep the patient "
        "otherwise. Names and paths of images of other formats are left out as well."
    ),
]


class IdentityOptions(Protocol):
    """Options of a command, these two among them."""

    @property
    def keep_identity(self) -> bool:
        """Whether it is told everywhere."""

    @property
    def drop_identity(self) -> bool:
        """Whether it is told nowhere."""


def identity_of(options: IdentityOptions) -> Identity:
    """Return what both options say together.

    Raises
    ------
    InputError
        If both are given.
    """
    return identity_from(keep=options.keep_identity, drop=options.drop_identity)


def identity_from(*, keep: bool, drop: bool) -> Identity:
    """Return what both options say together.

    Raises
    ------
    InputError
        If both are given.
    """
    if keep and drop:
        raise InputError(
            "--keep-identity and --drop-identity contradict each other; give one of them"
        )
    if keep:
        return Identity.EVERYWHERE
    return Identity.NOWHERE if drop else Identity.HEADERS
