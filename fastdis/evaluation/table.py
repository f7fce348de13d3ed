"""The table of a report on the terminal: a row a score, in groups, with intervals and numbers of images."""

from collections.abc import Iterable
from textwrap import wrap

from .numbers import Number

WIDTH = 100
_SCORE, _INTERVAL, _IMAGES = 9, 18, 9


def table(numbers: list[Number], notes: Iterable[str] = ()) -> str:
    """Lay out the numbers of a report in at most 100 columns.

    On the left stands what comes from most images, on the right the same from the sample that the literature
    takes. A score that could not be computed says why in its row. Below stand why scores have no interval,
    and the notes.

    Example:
        >>> from fastdis.evaluation.numbers import number
        >>> drawn = {"low": 0.1, "high": 0.3, "confidence": 0.95, "exact": False}
        >>> print(table([number("mig", "information", 0.25, samples=96, interval=drawn, definition="")]))
                         score          interval   images
        information
          mig           0.2500   0.1000 - 0.3000       96
        95 % intervals.
    """
    lines = []
    for part in dict.fromkeys(number.get("part", "") for number in numbers) or ("",):
        lines += _part(part, [number for number in numbers if number.get("part", "") == part])
    return "\n".join([*lines, *_below(numbers), *(line for note in notes for line in _wrapped(note))])


def _part(part: str, numbers: list[Number]) -> list[str]:
    """Lay out the numbers of all images, or those of the images that were held out."""
    names = list(dict.fromkeys(number["name"] for number in numbers))
    rows = {name: [number for number in numbers if number["name"] == name] for name in names}
    most = max((number["samples"] for number in numbers), default=0)
    width = max([13, *(len(_label(number)) + 2 for number in numbers)])
    blocks = 1 if all(number["samples"] == most for number in numbers) else 2
    heading = f"{'score':>{_SCORE}}{'interval':>{_INTERVAL}}{'images':>{_IMAGES}}"
    lines = [(part.ljust(width) + heading * blocks).rstrip()]
    group = None
    for found in rows.values():
        if found[0]["group"] != group:
            group = found[0]["group"]
            lines.append(group)
        lines += _row(found, most, width)
    return lines


def _label(number: Number) -> str:
    unit = number.get("unit")
    return f"{number['name']}, {unit}" if unit else str(number["name"])


def _row(found: list[Number], most: int, width: int) -> list[str]:
    """Lay out one score: what comes from most images on the left."""
    label = f"  {_label(found[0])}".ljust(width)
    known = [number for number in found if number["score"] is not None]
    if not known:
        return wrap(f"{label} {found[0]['reason']}", WIDTH, subsequent_indent=" " * (width + 1))
    whole = [number for number in known if number["samples"] == most]
    sample = [number for number in known if number["samples"] != most]
    left = _block(whole[0]) if whole else " " * (_SCORE + _INTERVAL + _IMAGES)
    return [(label + left + "".join(map(_block, sample))).rstrip()]


def _block(number: Number) -> str:
    interval = number["interval"]
    if interval is None:
        ends = ""
    elif interval["exact"]:
        ends = "exact"
    else:
        ends = f"{interval['low']:.4f} - {interval['high']:.4f}"
        ends = ends if len(ends) < _INTERVAL else f"{interval['low']:.2f} - {interval['high']:.2f}"
    return f"{number['score']:{_SCORE}.4f}{ends:>{_INTERVAL}}{number['samples']:>{_IMAGES},}"


def _below(numbers: list[Number]) -> list[str]:
    """Say which confidence the intervals have, why some scores have none, and what to know of scores."""
    lines = [f"{confidence:g} % intervals." for confidence in _confidences(numbers)]
    if any(number["interval"] and number["interval"]["exact"] for number in numbers):
        lines[-1:] = [f"{lines[-1]} exact: the images are all there are, without sampling error."]
    reasons: dict[str, list[str]] = {}
    for number in numbers:
        if number["score"] is not None and number["no_interval"]:
            names = reasons.setdefault(number["no_interval"], [])
            if number["name"] not in names:
                names.append(number["name"])
    for reason, names in reasons.items():
        lines += _wrapped(f"No interval of {', '.join(names)}: {reason}.")
    computed = {number["name"] for number in numbers if number["score"] is not None}
    for number in numbers:
        failed = number["score"] is None and number["name"] in computed
        for note in [*([number["reason"]] if failed else []), *number["notes"]]:
            lines += _wrapped(f"{number['name']}, {number['samples']:,} images: {note}.")
    return lines


def _confidences(numbers: list[Number]) -> list[float]:
    return sorted({100 * number["interval"]["confidence"] for number in numbers if number["interval"]})


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ")
