"""The page of a report, ``report.html``: its numbers and pictures in one file that needs no other."""

from collections.abc import Mapping
from io import BytesIO
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image

from ..plots.kl import ACTIVE
from .captions import caption_of
from .html import page, source_of
from .numbers import Number
from .table import cells_of, computed, intervals_of, remarks, whole_counts

NAME = "report.html"
_WIDE = 800  # pixels: a picture that is at least so wide scrolls on a phone, where it would be too small


def report_page(content: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    """Lay out a report as a page.

    Args:
        content: what ``metrics.json`` holds.
        pictures: the content of each picture's file, by its name with the ending.
    """
    numbers: list[Number] = content["numbers"]
    return page(
        NAME,
        {
            "title": content.get("title") or f"Scores of {content.get('codes', 'a representation')}",
            "subtitle": _subtitle(content),
            "notes": content["notes"],
            "about_scores": intervals_of(numbers),
            "parts": [
                _part(part, list(of_part)) for part, of_part in groupby(numbers, lambda n: n.get("part", ""))
            ],
            "remarks": remarks(numbers),
            "latents": _latents(content),
            "active": ACTIVE,
            "pictures": [_picture(name, data, content) for name, data in pictures.items()],
            "settings": _settings(content),
            "commands": content.get("commands", []),
            "definitions": list({number["name"]: number["definition"] for number in numbers}.items()),
            "version": content["fastdis"],
        },
    )


def _subtitle(content: Mapping[str, Any]) -> str:
    parts = [f"{content['images']:,} images", content.get("data"), content.get("checkpoint")]
    return "; ".join(str(part) for part in parts if part)


def _part(part: str, numbers: list[Number]) -> dict[str, Any]:
    """Lay out the numbers of all images, or those of the images that were held out."""
    whole = whole_counts(numbers)
    return {
        "name": part,
        "two": any(number["samples"] not in whole for number in computed(numbers)),
        "groups": [
            {
                "name": group,
                "rows": [_row(list(found), whole) for _, found in groupby(of_group, lambda n: n["name"])],
            }
            for group, of_group in groupby(numbers, lambda number: number["group"])
        ],
    }


def _row(found: list[Number], whole: set[int]) -> dict[str, Any]:
    """Lay out one score: on the left what comes from all images."""
    known = computed(found)
    left = next((number for number in known if number["samples"] in whole), None)
    right = next((number for number in known if number["samples"] not in whole), None)
    return {
        "name": found[0]["name"],
        "unit": found[0].get("unit"),
        "definition": found[0]["definition"],
        "reason": None if known else found[0].get("reason"),
        "whole": left and cells_of(left),
        "sample": right and cells_of(right),
    }


def _latents(content: Mapping[str, Any]) -> list[dict[str, str]]:
    per_latent = {n["name"]: n.get("per_latent") for n in content["numbers"] if "part" not in n}
    kl, dimwise = per_latent.get("kl"), per_latent.get("dimwise_kl")
    if not kl or not dimwise:
        return []
    known = content.get("best_factors") or [""] * len(kl)
    return [
        {"name": f"z{d}", "kl": f"{kl[d]:.3f}", "dimwise": f"{dimwise[d]:.3f}", "factor": known[d]}
        for d in np.argsort(-np.array(kl), kind="stable").tolist()
    ]


def _picture(name: str, data: bytes, content: Mapping[str, Any]) -> dict[str, Any]:
    stem, _, kind = name.rpartition(".")
    heading, caption = caption_of(stem)
    title = content.get("title")
    return {
        "heading": heading,
        "caption": caption,
        "narrow": Image.open(BytesIO(data)).width < _WIDE,
        "alt": f"{heading}, {title}" if title else heading,
        "source": source_of(data, kind),
    }


def _settings(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings of the run, those within settings by their own names, without what is nothing."""
    config = content.get("config") or {}
    within = config.get("settings") or {}
    flat = {name: value for name, value in config.items() if name != "settings"} | within
    if sizes := (flat.get("data") or {}).get("factors"):
        sizes = {name: "continuous" if size is None else size for name, size in sizes.items()}
        flat["data"] = flat["data"] | {"factors": sizes}
    return [(name, _text(value)) for name, value in flat.items() if value not in (None, {}, [])]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
