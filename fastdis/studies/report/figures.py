"""The figures of a study."""

import re
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from ... import plots
from ...evaluation.comparison.run_settings import text_of
from ..statistics import RankCorrelations, explained_variance, rank_correlations
from .columns import HEADLINES, Column, best_while_training, column, other_numbers, ranked_scores
from .grids import MOST_FACETS, Plane, planes
from .models import Models

_MOST_METHODS = 24  # in a picture of violins


@dataclass(frozen=True)
class Drawn:
    """Hold a figure with the name of its file, the heading under which it stands and what is to be seen."""

    name: str
    heading: str
    caption: str
    figure: Figure
    score: str = ""


def figures_of(study: Models, udr: Column) -> list[Drawn]:
    """Draw all that the numbers of a study allow; udr is that of every model."""
    scores = ranked_scores(study)
    drawn: list[Drawn] = []
    found = planes(study)
    for score in scores:
        for plane in found:
            drawn += _over(study, plane, score)
    parts = study.by_data()
    for data, places in parts.items():  # ranks and variances over several data sets would mix what they are
        of_one = _over_models(study.part(places), udr[places])
        drawn += of_one if len(parts) == 1 else [_of_data(one, data) for one in of_one]
    return drawn


def _over_models(study: Models, udr: Column) -> list[Drawn]:
    """Draw what the models of one data set share."""
    scores = ranked_scores(study)
    return [
        *_trade_offs(study, scores),
        *_violins(study, scores),
        *_correlations(study, scores, udr),
        *_explained(study, scores),
    ]


def _of_data(one: Drawn, data: str) -> Drawn:
    slug = re.sub(r"\W+", "_", data).strip("_")
    return replace(one, name=f"{one.name}_{slug}", heading=f"{one.heading}: {data}")


def _over(study: Models, plane: Plane, score: str) -> list[Drawn]:
    """Lines and maps of a score over two axes: at the last step and, where it is known, at the best one."""
    last, best = column(study.models, score), best_while_training(study.models, score)
    facets = list(plane.facets.items())[:MOST_FACETS]
    left_out = len(plane.facets) - len(facets)
    said = f" The first {MOST_FACETS} of {len(plane.facets)} combinations of other settings." * (left_out > 0)
    panels = []
    for name, models in facets:
        grids = [plane.grid(" ".join(filter(None, [name, "at the last step"])), last, models)]
        if np.isfinite(best).any():
            grids.append(plane.grid("largest while training", best, models))
        panels.append(grids)
    if not any(np.isfinite(grid.mean).any() for grids in panels for grid in grids):
        return []
    title = f"{score} over {plane.columns[0]}"
    lines = plots.score_lines(panels, plane.rows, plane.columns, score, title, study.note)
    drawn = [
        Drawn(
            f"lines_{score}_{plane.name}",
            title,
            "Mean over models, with one standard deviation either way. While training, 10,000 images are "
            "scored; at the end, all of them." + said,
            lines,
            score,
        )
    ]
    if plane.rows[0]:
        grids = [plane.grid(name, last, models) for name, models in facets]
        over_both = f"{title} and {plane.rows[0]}"
        drawn.append(
            Drawn(
                f"maps_{score}_{plane.name}",
                over_both,
                "Mean and standard deviation over models at the last step; on the right the largest mean of "
                "a column less its smallest." + said,
                plots.score_maps(grids, plane.rows, plane.columns, over_both, study.note),
                score,
            )
        )
    return drawn


def _trade_offs(study: Models, scores: list[str]) -> list[Drawn]:
    cost = column(study.models, "reconstruction")
    drawn = []
    for score in [name for name in scores if name in HEADLINES][:2]:
        values = column(study.models, score)
        series = []
        for objective, members in study.by_objective.items():
            groups: dict[str, list[int]] = {}
            for k in members:
                if np.isfinite(cost[k]) and np.isfinite(values[k]):
                    strength = study.strengths[k]
                    groups.setdefault("" if strength is None else text_of(strength), []).append(k)
            if groups:
                x, y = ([of[part] for part in groups.values()] for of in (cost, values))
                series.append(plots.Series(objective, list(groups), x, y))
        if series:
            figure = plots.trade_off(
                series,
                "reconstruction, nats (negative log-likelihood; low is good)",
                score,
                f"Reconstruction against {score}",
                study.note,
            )
            drawn.append(
                Drawn(
                    f"reconstruction_and_{score}",
                    f"Reconstruction against {score}",
                    "A faint dot is a model, a large one the mean of a strength; the strengths of an "
                    "objective are joined from the weakest to the strongest.",
                    figure,
                )
            )
    return drawn


def _violins(study: Models, scores: list[str]) -> list[Drawn]:
    axis, groups = _methods(study)
    if not 2 <= len(groups) <= _MOST_METHODS or not scores:
        return []
    columns = {score: column(study.models, score) for score in scores}
    known = {
        score: [values[members][np.isfinite(values[members])] for members in groups.values()]
        for score, values in columns.items()
    }
    title = f"Scores by {axis}"
    return [
        Drawn(
            "violins",
            title,
            "A dot is a model, over all other settings and seeds; the line is the median.",
            plots.violins(list(groups), known, title, study.note),
        )
    ]


def _methods(study: Models) -> tuple[str, dict[str, list[int]]]:
    """Put the models of each objective together; where there is one objective, those of each strength."""
    if "objective" in study.axes:
        return "objective", study.by_objective
    several = len(set(study.strengths)) > 1
    axis = "strength" if several else next(iter(study.axes), "")
    values = study.strengths if several else [model.settings.get(axis) for model in study.models]
    groups: dict[str, list[int]] = {}
    for k, value in enumerate(values):
        groups.setdefault(text_of(value), []).append(k)
    return axis, groups


def _correlations(study: Models, scores: list[str], udr: Column) -> list[Drawn]:
    if len(study.models) < 4 or not scores:
        return []
    columns = {score: column(study.models, score) for score in scores}
    others = other_numbers(study, udr)
    apart = {score: values for score, values in columns.items() if not score.startswith("downstream")}
    caption = (
        "Spearman's rank correlation over models, times 100, above its 95 % bootstrap interval; bold where "
        "that leaves 0 out."
    )
    drawn = [
        Drawn(
            "correlations_of_scores",
            "Rank correlations between scores",
            caption,
            _matrix("Scores", rank_correlations(columns), study),
        )
    ]
    if others and apart:
        drawn.append(
            Drawn(
                "correlations_with_other_numbers",
                "Rank correlations of scores with other numbers",
                caption + " LR and GBT: downstream accuracy of logistic regression and boosted trees from so "
                "many labels; their efficiency is the accuracy from 100 labels over that from 10,000.",
                _matrix("Scores and other numbers", rank_correlations(apart, others), study),
            )
        )
    return drawn


def _matrix(title: str, found: RankCorrelations, study: Models) -> Figure:
    title += ": rank correlations times 100, with 95 % intervals"
    return plots.rank_correlations(
        found.rows, found.columns, found.values, found.low, found.high, title, study.note
    )


def shares(study: Models, values: Column) -> dict[str, float]:
    """Divide the variance of a number into what objective, strength and other settings, and seed explain."""
    labels = [str(model.settings.get("objective")) for model in study.models]
    parts = [("objective", labels)] if "objective" in study.axes else []
    strengths = [f"{label}, {value}" for label, value in zip(labels, study.strengths, strict=True)]
    settings = [study.key(model) for model in study.models]
    if len(set(strengths)) > len(set(labels)):
        parts.append(("strength", strengths))
    if len(set(settings)) > len(set(strengths)):
        parts.append(("other settings", settings))
    found, before = {}, 0.0
    for name, of_models in parts:
        share = explained_variance(values, of_models)
        found[name], before = share - before, share
    return found | {"seed": 1 - before}


def _explained(study: Models, scores: list[str]) -> list[Drawn]:
    found = {score: shares(study, column(study.models, score)) for score in scores}
    found = {score: parts for score, parts in found.items() if np.isfinite(list(parts.values())).all()}
    settings = len(study.settings)
    if not found or settings < 2 or len(study.models) <= settings:
        return []
    names = list(next(iter(found.values())))
    by_chance = 100 * (settings - 1) / (len(study.models) - 1)
    return [
        Drawn(
            "explained_variance",
            "What explains the variance of a score",
            "Share of the variance over all models (R² of a regression on one-hot labels, as in Locatello et "
            f"al. 2019): of the objective; of the rest by its strength; and what is left to the seed. By "
            f"chance alone {settings} settings explain {by_chance:.0f} % of the variance of "
            f"{len(study.models)} models.",
            plots.explained_variance(
                list(found),
                {name: [parts[name] for parts in found.values()] for name in names},
                "What explains the variance of a score",
                study.note,
            ),
        )
    ]
