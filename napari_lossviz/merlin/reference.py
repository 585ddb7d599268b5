"""MERLIN in words: citation and plain description, as data."""

CITATION = (
    "E. Dalsasso, L. Denis, F. Tupin. As if by magic: self-supervised training of deep despeckling "
    "networks with MERLIN. IEEE Transactions on Geoscience and Remote Sensing 60 (2022). "
    "arXiv:2110.13148."
)

ARXIV = "2110.13148"

WEIGHTS_CITATION = (
    "Pretrained networks: the deepdespeckling package, version 0.8 (MIT licence), trained by the "
    "paper's authors on TerraSAR-X spotlight and stripmap and on Sentinel-1 TOPS images."
)

PACKAGE, VERSION = "deepdespeckling", "0.8"
"""Where the pretrained networks are."""

INSTALL_ARGUMENTS = ("install", "--no-deps", f"{PACKAGE}=={VERSION}")
"""Of pip. Without dependencies: one, opencv-python, clashes with Qt, and none is needed."""

DESCRIPTION = (
    "In a single-look-complex SAR image the real and the imaginary part of a pixel share the "
    "reflectivity and nothing else: their speckle is independent. A network sees one part and is "
    "scored by how likely it makes the other, so it learns the reflectivity from noisy images "
    "alone. Both estimates are averaged."
)

LIMITS = (
    "The two parts must be independent: the spectrum has to be symmetric about zero, which a "
    "Doppler shift or a TOPS ramp breaks until it is removed. Strong point targets follow no "
    "speckle model; the loss map shows where. A network only knows what its training images showed."
)
