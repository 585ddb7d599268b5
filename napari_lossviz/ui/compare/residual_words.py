"""The test of the residual in plain words; Qt-free."""

from napari_lossviz.metrics import ResidualStructure, is_decibel

_HEADLINES = {
    "noise": "The residual looks like noise",
    "edges removed": "Edges were removed",
    "noise left at edges": "No sign of removed edges; noise was left at edges",
    "nothing removed": "Nothing was removed: both images are equal",
    "no edges": "The image after has no edges to compare with",
}


def headline(structure: ResidualStructure) -> str:
    """Return the verdict as a short sentence."""
    return _HEADLINES[structure.verdict]


def explanation(structure: ResidualStructure, unit: str = "") -> str:
    """Return what the verdict stands on.

    Parameters
    ----------
    structure : ResidualStructure
    unit : str
        Unit of the image's values.
    """
    if structure.verdict == "nothing removed":
        return "There is no residual to judge."
    sentences = []
    found = f"{structure.correlation:.3f}"
    chance = f"pure noise of this size stays within ±{structure.chance:.3f}"
    if structure.verdict == "edges removed":
        sentences.append(
            f"The residual is strong where the image after has edges: correlation {found}, while "
            f"{chance}."
        )
        if structure.strongest is not None:
            row, column = structure.strongest
            sentences.append(f"It follows them most near row {row}, column {column}.")
    elif structure.verdict == "noise left at edges":
        sentences.append(
            f"The residual is weaker where the image after has edges: correlation {found}, while "
            f"{chance}."
        )
    elif structure.verdict == "noise":
        sentences.append(
            f"It does not follow the edges of the image after: correlation {found}; {chance}."
        )
        if abs(structure.correlation) > structure.chance:
            sentences.append("That is more than chance, but too little to be seen.")
    with_unit = f" {unit}" if unit else ""
    # A mean that is nothing beside the spread would read as some tiny rounding error.
    mean = structure.mean if abs(structure.mean) > 1e-4 * structure.standard_deviation else 0.0
    if is_decibel(unit):
        change = f"{abs(mean):.2f} dB {'darker' if mean > 0 else 'brighter'} than"
        level = "as bright as" if f"{abs(mean):.2f}" == "0.00" else change
        sentences.append(
            f"The mean intensity after is {level} before; the residual has a standard deviation "
            f"of {structure.standard_deviation:.3g} dB."
        )
        return " ".join(sentences)
    sentences.append(
        f"Removed: mean {mean:.3g}{with_unit}, standard deviation "
        f"{structure.standard_deviation:.3g}{with_unit}."
    )
    return " ".join(sentences)
