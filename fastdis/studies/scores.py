"""The scores of one run of a study, in its ``metrics.json``."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import metrics
from ..data import Simulator
from ..evaluation import encode, evaluate_run
from ..evaluation.encoded_run import SIMULATED
from ..evaluation.files import write_files
from ..evaluation.labels import labels, notes
from ..evaluation.numbers import kl_number, reconstruction_number
from ..evaluation.posterior import posterior_numbers
from ..evaluation.report import PAIRS
from ..functional import gaussian_kl
from ..posterior import decompose
from ..training.saved_run import SavedRun
from ..version import __version__
from .evaluation import Evaluate


def score_run(run_dir: Path, chosen: Evaluate) -> None:
    """Score the newest checkpoint of a run and write ``metrics.json``, with pictures where they are wanted.

    Raises:
        FileNotFoundError, ValueError, OSError: as `fastdis.evaluation.evaluate_run`.
    """
    run = SavedRun.read(run_dir)
    data = scored_part(run.build_data(), chosen.every)
    if chosen.pictures:
        evaluate_run(run_dir, data=data, progress=False)
    model, checkpoint = run.load_model()
    mean, logvar = encode(model, data, progress=False)
    found = labels(data)
    rows, classes = found.scored()
    numbers: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    if found.varying and len(rows):
        scores = metrics.evaluate(mean[rows], classes, chosen.metrics, progress=False)
        failures = scores.failures
        numbers = [{"name": name, **result.to_dict()} for name, result in scores.results.items()]
    kl = gaussian_kl(torch.from_numpy(mean), torch.from_numpy(logvar)).numpy()
    parts = decompose(mean, logvar, seed=0, queries="auto", max_pairs=PAIRS)
    content = {
        "fastdis": __version__,
        "checkpoint": checkpoint.name,
        "data": data.source + (f" (1 image in {chosen.every})" if chosen.every > 1 else ""),
        "images": len(data),
        "factors": [data.factor_names[k] for k in found.varying],
        "notes": [*notes(data, found), *(f"{name}: {why}" for name, why in failures.items())],
        "numbers": [
            *numbers,
            kl_number(kl, len(mean)),
            *posterior_numbers(parts, 0),
            reconstruction_number(model, data, mean, likelihood=run.likelihood),
        ],
    }
    write_files(run_dir, "metrics.json", content, {})


def scored_part(data: Any, every: int) -> Any:
    """Return one image in so many; of a simulator's of at most 100,000."""
    if isinstance(data, Simulator) and len(data) > SIMULATED and not data.ordered:
        data = data.subset(slice(0, SIMULATED))
    return data if every == 1 else data.subset(np.arange(0, len(data), every))
