"""How long a study would take, from a few steps of each kind of model in it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..training import fit
from ..training.run_config import RunConfig
from .folder import OUTCOME, read_json
from .preflight import data_key
from .study import StudyRun, unique

WARM, TIMED = 2, 6  # steps before the timing, and in it


@dataclass(frozen=True)
class Estimate:
    """What a study asks for.

    points: settings, some of which may give the same run.
    runs: different runs; done: of these, how many a folder holds already.
    steps: of the runs that remain, in all.
    hours: that training them takes, so many at a time; scoring comes on top.
    kinds: of each kind of run its name, how many remain, and steps a second of one of them.
    """

    points: int
    runs: int
    done: int
    steps: int
    hours: float
    kinds: tuple[tuple[str, int, float], ...]

    def __str__(self) -> str:
        same = "" if self.points == self.runs else f" for {self.points} settings"
        lines = [
            f"{self.runs} runs{same}, {self.done} of them done; {self.steps:,} steps to go, "
            f"about {self.hours:.1f} hours of training; scoring comes on top"
        ]
        lines += [f"  {count:4} x {name}: {rate:.3g} steps/s" for name, count, rate in self.kinds]
        return "\n".join(lines)


def estimate(runs: Sequence[StudyRun], folder: str | Path | None, *, workers: int, threads: int) -> Estimate:
    """Count the runs and steps of a study and time a few steps of each kind of model.

    Args:
        runs: of the study.
        folder: where some may be done already, or None.
        workers: runs at a time.
        threads: of each.

    Raises:
        TypeError, ValueError, OSError: a run cannot be trained.
    """
    different = unique(runs)
    left = [run for run in different if folder is None or not _done(Path(folder) / run.name)]
    kinds = {kind(run.config): run.config for run in left}
    rates = {name: 1 / seconds_per_step(config, threads) for name, config in kinds.items()}
    counts = Counter(kind(run.config) for run in left)
    seconds = sum(run.config.steps / rates[kind(run.config)] for run in left)
    return Estimate(
        points=len(runs),
        runs=len(different),
        done=len(different) - len(left),
        steps=sum(run.config.steps for run in left),
        hours=seconds / max(1, min(workers, len(left))) / 3600,
        kinds=tuple((name.partition(" of ")[0], counts[name], rates[name]) for name in kinds),
    )


def kind(config: RunConfig) -> str:
    """Name what makes a step as long as it is: objective, model, batch, and the data set."""
    model = f" on {config.model}" if config.model else ""
    sizes = f"batch {config.batch_size}, {config.latents} latents, {config.precision}"
    return f"{config.objective}{model}, {config.dataset}, {sizes} of {data_key(config)}"


def seconds_per_step(config: RunConfig, threads: int) -> float:
    """Time a few steps, on the GPU if there is one, after some to warm up."""
    data = config.build_data()
    config = replace(config.fitted(data), compile=False)
    data = config.sides(data)[0]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    objective = config.build_objective(len(data))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        rows = fit(
            config.build_model().to(device),
            objective,
            config.training_data(data),
            steps=WARM + TIMED,
            batch_size=config.batch_size,
            precision=config.precision,
            log_every=WARM,
            progress=False,
        )
    finally:
        torch.set_num_threads(before)
    first = next(row for row in rows if row["step"] == WARM)
    return max(1e-9, (rows[-1]["seconds"] - first["seconds"]) / TIMED)


def _done(run_dir: Path) -> bool:
    return read_json(run_dir / OUTCOME).get("state") == "done"
