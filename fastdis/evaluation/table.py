"""The table of a report on the terminal: one row per score, in groups, with its interval and samples."""

from collections.abc import Iterable
from textwrap import wrap

from .numbers import Number

WIDTH = 100
_SCORE, _INTERVAL, _IMAGES = 9, 18, 9


def table(numbers: list[Number], notes: Iterable[str] = ()) -> str:
    """Lay out the numbers of a report in at most 100 columns.

    On the left stands what comes from all images, on the right the same from the sample that the literature
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
    below = [intervals_of(numbers), *remarks(numbers), *notes]
    return "\n".join([*lines, *(line for text in below for line in _wrapped(text))])


def _part(part: str, numbers: list[Number]) -> list[str]:
    """Lay out the numbers of all images, or those of the images that were held out."""
    names = list(dict.fromkeys(number["name"] for number in numbers))
    rows = {name: [number for number in numbers if number["name"] == name] for name in names}
    whole = whole_counts(numbers)
    width = max([13, *(len(_label(number)) + 3 for number in numbers)])
    blocks = 1 if all(number["samples"] in whole for number in numbers) else 2
    heading = f"{'score':>{_SCORE}}{'interval':>{_INTERVAL}}{'images':>{_IMAGES}}"
    lines = [(part.ljust(width) + heading * blocks).rstrip()]
    group = None
    for found in rows.values():
        if found[0]["group"] != group:
            group = found[0]["group"]
            lines.append(group)
        lines += _row(found, whole, width)
    return lines


def whole_counts(numbers: Iterable[Number]) -> set[int]:
    """Return how many images are all of them: those that were encoded, and those that have all labels.

    No seed chose the latter, as it chose a sample.

    Example:
        >>> from fastdis.evaluation.numbers import number
        >>> labelled, drawn = ({"samples": 19_000, "seed": None}, {"samples": 10_000, "seed": 0})
        >>> mig = [number("mig", "information", 0.2, definition="", **which) for which in (labelled, drawn)]
        >>> sorted(whole_counts([*mig, number("kl", "posterior", 9.0, samples=20_000, definition="")]))
        [19000, 20000]
    """
    known = list(numbers)
    most = max((number["samples"] for number in known), default=0)
    return {most, *(number["samples"] for number in known if number["seed"] is None)}


def _label(number: Number) -> str:
    unit = number.get("unit")
    return f"{number['name']}, {unit}" if unit else str(number["name"])


def _row(found: list[Number], whole: set[int], width: int) -> list[str]:
    """Lay out one score: what comes from all images on the left."""
    label = f"  {_label(found[0])}".ljust(width)
    known = computed(found)
    if not known:
        return wrap(f"{label} {found[0]['reason']}", WIDTH, subsequent_indent=" " * (width + 1))
    left = [_block(number) for number in known if number["samples"] in whole]
    right = [_block(number) for number in known if number["samples"] not in whole]
    blank = " " * (_SCORE + _INTERVAL + _IMAGES)
    return [(label + "".join(left or [blank]) + "".join(right)).rstrip()]


def _block(number: Number) -> str:
    interval = number["interval"]
    if interval is None:
        ends = ""
    elif interval["exact"]:
        ends = "exact"
    else:
        ends = f"{interval['low']:.4f} - {interval['high']:.4f}"
        ends = ends if len(ends) < _INTERVAL - 1 else f"{interval['low']:.2f} - {interval['high']:.2f}"
    return f"{number['score']:{_SCORE}.4f}{ends:>{_INTERVAL}}{number['samples']:>{_IMAGES},}"


def computed(numbers: Iterable[Number]) -> list[Number]:
    """Return the numbers that could be computed."""
    return [number for number in numbers if number["score"] is not None]


def cells_of(number: Number) -> dict[str, str]:
    """Write score, interval and number of images of a score that could be computed."""
    interval = number["interval"]
    ends = ""
    if interval is not None:
        ends = "exact" if interval["exact"] else f"{interval['low']:.4f} to {interval['high']:.4f}"
    return {"score": f"{number['score']:.4f}", "interval": ends, "samples": f"{number['samples']:,}"}


def intervals_of(numbers: list[Number]) -> str:
    """Say which confidence the intervals have.

    Example:
        >>> intervals_of([])
        'No intervals.'
    """
    intervals = [number["interval"] for number in numbers if number["interval"]]
    levels = sorted({100 * interval["confidence"] for interval in intervals})
    exact = any(interval["exact"] for interval in intervals)
    said = f"{' and '.join(f'{level:g}' for level in levels)} % intervals." if levels else "No intervals."
    return f"{said} exact: the images are all there are, without sampling error." if exact else said


def remarks(numbers: list[Number]) -> list[str]:
    """Say why scores have no interval, and what a reader should know of them."""
    reasons: dict[tuple[str, str], list[str]] = {}
    some = {number["name"] for number in computed(numbers) if number["interval"]}
    for number in computed(numbers):
        if number["no_interval"]:
            which = f" from {number['samples']:,} images" if number["name"] in some else ""
            names = reasons.setdefault((number["no_interval"], which), [])
            if number["name"] not in names:
                names.append(number["name"])
    said = [
        f"No interval of {', '.join(names)}{which}: {reason}." for (reason, which), names in reasons.items()
    ]
    known = {number["name"] for number in computed(numbers)}
    for number in numbers:
        failed = number["score"] is None and number["name"] in known
        about = [*([number["reason"]] if failed else []), *number["notes"]]
        said += [f"{number['name']}, {number['samples']:,} images: {note}." for note in about]
    return said


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ")
