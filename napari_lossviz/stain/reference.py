"""Stain translation in words: citation and plain description, as data."""

CITATION = (
    "F. Li, Z. Hu, W. Chen, A. Kak. Adaptive supervised PatchNCE loss for learning H&E-to-IHC "
    "stain translation with inconsistent groundtruth image pairs. MICCAI 2023. arXiv:2303.06193."
)

ARXIV = "2303.06193"

BASE_CITATION = (
    "T. Park, A. A. Efros, R. Zhang, J.-Y. Zhu. Contrastive learning for unpaired image-to-image "
    "translation. ECCV 2020. arXiv:2007.15651."
)

STATISTICS_CITATION = (
    "M.-Y. Ho, M.-S. Wu, C.-M. Wu. Ultra-high-resolution unpaired stain transformation via "
    "kernelized instance normalization. ECCV 2022. arXiv:2208.10730."
)

DESCRIPTION = (
    "A network turns an H&E image into what the neighbouring section might look like under another "
    "stain. It learns from pairs of sections that agree roughly. Patches at the same place are "
    "drawn together in feature space; where the features of a patch stay unlike those of its "
    "partner, the pair probably shows different tissue there, and its weight is lowered. These "
    "weights are shown over the image."
)

LIMITS = (
    "A virtual stain is a guess: the network paints what such tissue mostly looked like in its "
    "training pairs, and it can be confidently wrong. Research use only, not for diagnostic use."
)

UNKNOWN_SIZE = (
    "the checkpoint does not tell the size of the pixels that it was trained on, so that the image "
    "is taken as it is; make sure that the magnification is the same."
)
"""What speaks against every translation with such a checkpoint."""
