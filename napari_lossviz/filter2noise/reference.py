"""Filter2Noise in words: citation and plain description, as data."""

CITATION = (
    "Filter2Noise: a framework for interpretable and zero-shot low-dose CT image denoising. "
    "arXiv:2504.13519 (2025)."
)

ARXIV = "2504.13519"

DESCRIPTION = (
    "Each pixel becomes a weighted mean of its neighbours. How far the mean reaches (sigma_x, "
    "sigma_y) and how different a neighbour's value may be (sigma_r) is a map over the image, "
    "predicted from the noisy image alone, visible and editable."
)

LIMITS = (
    "Structure weaker than the noise around it can vanish with the noise; the residual shows what "
    "was removed. Research use only, not for diagnostic use."
)
