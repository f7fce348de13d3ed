"""The report of a study: tables, figures and a page from a folder of run folders, without any model."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..._files import require_writable, write_together
from ...evaluation.comparison.run_settings import distinct, text_of
from ...evaluation.html import page, png, source_of, source_of_file
from ...version import __version__
from .columns import HEADLINES, Column, ranked_scores
from .figures import Drawn, figures_of
from .models import Models, read_models
from .tables import as_csv, choices, model_rows, setting_rows, shown_rows
from .udr import udr_of

__all__ = ["Models", "read_models", "study_report"]

_COLUMNS = 8  # scores in the table of the page


def study_report(folder: str | Path) -> tuple[str, ...]:
    """Write tables, figures and a page about all runs in a folder, into the folder.

    The runs need not be those of `fastdis study`: any folder of run folders will do, each with its
    ``config.json`` and, from `fastdis evaluate`, its ``metrics.json``. The axes are those settings that
    differ between runs. A run without scores is left out and an unfinished one counted as it is, and the
    report says so; a score that a model lacks is left out of the figures.

    The folder gets ``study.html``, one file that needs no other; ``study.csv``, with a row for each model;
    ``study_settings.csv``, with a row for each setting and number, with mean, standard deviation and
    bootstrap interval over seeds; and ``figures``, each as PNG and SVG: lines and maps of each score over the
    axes, reconstruction against score, violins by method, rank correlations, and what explains the variance
    of a score. Where there is a ``scores.jsonl``, from ``evaluate_every``, the largest score while training
    stands beside that at the last step.

    Args:
        folder: holds the folders of the runs, at any depth.

    Returns:
        The names of the files, that of the page first.

    Raises:
        FileNotFoundError: there is no run in the folder.
        ValueError: no run has scores.
        OSError: the folder cannot be written; an older report is then left as it was.
    """
    folder = Path(folder)
    study = read_models(folder)
    require_writable(folder)
    udr = udr_of(study)
    drawn = figures_of(study, udr)
    pictures = {one.name: png(one.figure) for one in drawn}
    files = {
        "study.html": page("study.html", _content(study, udr, drawn, pictures), package=__name__),
        "study.csv": as_csv(model_rows(study, udr)),
        "study_settings.csv": as_csv(setting_rows(study)),
    }
    for one in drawn:
        files[f"figures/{one.name}.png"] = pictures[one.name]
        files[f"figures/{one.name}.svg"] = _svg(one.figure)
    write_together(folder, files)
    return tuple(files)


def _svg(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _content(study: Models, udr: Column, drawn: list[Drawn], pictures: dict[str, bytes]) -> dict[str, Any]:
    scores = ranked_scores(study)
    shown: list[dict[str, Any]] = [
        {
            "heading": one.heading,
            "caption": one.caption,
            "source": source_of(pictures[one.name]),
            "score": one.score,
        }
        for one in drawn
    ]
    first = [score for score in scores if score in HEADLINES][:2] or scores[:1]
    return {
        "title": study.title,
        "version": __version__,
        "note": study.note,
        "notes": study.notes,
        "settings": study.settings,
        "axes": [(name, ", ".join(map(text_of, values))) for name, values in study.axes.items()],
        "seeds": ", ".join(map(text_of, distinct(model.run.seed for model in study.models))),
        "columns": scores[:_COLUMNS],
        "rows": shown_rows(study, scores[:_COLUMNS]),
        "groups": [
            *(_group(score, shown, score) for score in first),
            *({"heading": one["heading"], "figures": [one]} for one in shown if not one["score"]),
        ],
        "folded": [
            {
                "heading": "All other scores over the settings",
                "parts": [_group(score, shown, score) for score in scores if score not in first],
            }
        ]
        if len(scores) > len(first)
        else [],
        "choices": [
            row for places in study.by_data().values() for row in choices(study.part(places), udr[places])
        ],
        "pictures": list(_pictures(study)),
    }


def _group(heading: str, shown: list[dict[str, Any]], score: str) -> dict[str, Any]:
    return {"heading": heading, "figures": [one for one in shown if one["score"] == score]}


def _pictures(study: Models) -> Iterator[dict[str, Any]]:
    """Of each setting the pictures of the first run that has traversals."""
    for label, models in study.settings.items():
        for model in models:
            paths = [model.run.folder / f"{name}.png" for name in ("traversals", "reconstructions")]
            found = [path for path in paths if path.exists()]
            if found:
                sources = [source_of_file(path) for path in found]
                yield {"label": label, "sources": sources, "run": str(model.run.folder)}
                break
