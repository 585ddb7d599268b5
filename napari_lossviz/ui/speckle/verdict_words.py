"""What a ratio image tells, in plain words; Qt-free."""

from napari_lossviz.metrics import RatioVerdict

_STRUCTURE = {
    "noise": "On the whole it does not follow edges; look at it for thin ones.",
    "edges removed": "It follows edges: some of them were removed with the speckle.",
    "noise left at edges": "Speckle was left at edges; there is no sign of removed ones.",
    "nothing removed": "Nothing was removed.",
    "no edges": "The despeckled image has no edges to compare it with.",
}
_REMOVED = {
    "less": "less was removed than one look's speckle; the rest is still in the image.",
    "more": "more was removed than one look's speckle: some of the image went with it.",
}


def in_words(verdict: RatioVerdict) -> str:
    """Return what is off and what that means, or that nothing is.

    Parameters
    ----------
    verdict : RatioVerdict
        Against one look.
    """
    if verdict.structure == "nothing removed":
        return _STRUCTURE[verdict.structure]
    if verdict.pure_speckle:
        return (
            "The ratio image has mean and variance of one look's speckle. "
            + _STRUCTURE[verdict.structure]
        )
    said = []
    if verdict.bias:
        level = "brighter" if verdict.bias > 0 else "darker"
        said.append(f"The despeckled image is {abs(verdict.bias):.2f} dB {level} than the input.")
    if verdict.mean != 1:
        said.append(
            f"The mean of the ratio image is {verdict.mean:.2f}, which a bias does not "
            "explain: speckle was left, or structure was changed."
        )
    if verdict.removed in _REMOVED:
        apart = ", the bias taken out," if verdict.bias else ""
        said.append(
            f"The variance of the ratio image{apart} is {verdict.spread:.2f} of what one look's "
            f"speckle has: {_REMOVED[verdict.removed]}"
        )
    if not said:
        said.append("The ratio image has mean and variance of one look's speckle.")
    return " ".join([*said, _STRUCTURE[verdict.structure]])
