"""What a reader of the scores has to know of the factors."""

from ..training.labels import Labelled, Labels

AS_NUMBERS = ("dci", "sap", "r2", "mcc")  # scores with a rule for continuous factors, which need no bins


def notes(data: Labelled, found: Labels) -> list[str]:
    """Return the sentences that a reader of the scores has to know about the factors."""
    if not data.factor_names:
        return ["The data set has no known factors, so there are no scores of factors."]
    if not found.varying:
        return ["No factor varies, so there are no scores of factors."]
    said = []
    names = [data.factor_names[k] for k in found.varying]
    if cut := [name for name in names if name in found.bins]:
        counts = " or ".join(str(count) for count in sorted({found.bins[name] for name in cut}))
        equal = "width" if found.binning == "width" else "counts"
        said.append(
            f"Continuous factors were cut into {counts} bins of equal {equal} for the scores: "
            f"{', '.join(cut)}."
        )
        said.append(f"Scores that take them as numbers: {', '.join(AS_NUMBERS)}.")
    known = len(found.scored()[0])
    if not known:
        said.append("No image has all labels, so there are no scores of factors.")
    elif left_out := len(found.classes) - known:
        said.append(f"{left_out:,} images lack a label and are left out of the scores of factors.")
    return said
