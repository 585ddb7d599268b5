"""Betti matching in words: citations and plain description, as data."""

CITATION = (
    "N. Stucki, J. C. Paetzold, S. Shit, B. Menze, U. Bauer: Topologically faithful image "
    "segmentation via induced matching of persistence barcodes. arXiv:2211.15272 (2022). "
    "N. Stucki, V. Buergin, J. C. Paetzold, U. Bauer: Efficient Betti matching enables "
    "topology-aware 3D segmentation via persistent homology. arXiv:2407.04683 (2024)."
)

ARXIV = ("2211.15272", "2407.04683")

DESCRIPTION = (
    "Components, loops and cavities of a prediction and of its target are matched where they are "
    "the same feature at the same place: where both become one feature in the union of the two. "
    "What is left over in the prediction is false, what is left over in the target is missed."
)

LIMITS = (
    "Features are matched by place, not by shape. The loss counts noise by its persistence; the "
    "matching error counts every unmatched feature of the two masks as 1, whatever its size."
)
