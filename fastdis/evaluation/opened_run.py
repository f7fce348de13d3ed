"""A run as an object, for notebooks: what its folder holds, read when it is asked for."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import plots
from ..data.protocols import FactorData
from ..models import VAE
from ..training.checkpoint_file import latest, step_of
from ..training.config_file import read_config
from ..training.labels import labels
from ..training.log import Row, read_log
from ..training.run_config import RunConfig
from ..training.saved_run import SavedRun
from .baselines import is_baseline
from .curves_of_training import capacities_of, curves_of_training
from .encode import Codes
from .encoded_run import EncodedRun, encoded_run
from .files import Picture
from .html import page
from .numbers import Number
from .pictures import (
    TRAVERSE,
    checked_view,
    decoding,
    latent_curves,
    pictures_of_codes,
    pictures_of_images,
)
from .report import Report, best_factors, information_of, kl_of, spread_of, standardised
from .run import evaluate_run
from .table import cells_of, computed


def open_run(run_dir: str | Path, *, model: VAE | None = None, data: FactorData | None = None) -> "Run":
    """Open the folder of a run as an object. Nothing but its ``config.json`` is read until it is asked for.

    Args:
        run_dir: the folder of a run, of `fastdis train` or of `fit`.
        model: a model of the architecture that was trained, where ``config.json`` does not say how to build
            it; its weights are replaced by the checkpoint's.
        data: the data set, where ``config.json`` does not name it, or another one.

    Raises:
        FileNotFoundError: the folder is no run's.
        ValueError: its ``config.json`` is not what a run writes.

    Example:
        >>> import tempfile, fastdis
        >>> data = fastdis.data.arrays(np.zeros((8, 64, 64), np.uint8), {"row": np.arange(8) // 4})
        >>> model = fastdis.models.linear_vae(latents=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = fastdis.training.fit(
        ...         model, fastdis.losses.VAE(), data, steps=2, batch_size=4, run_dir=folder, progress=False
        ...     )
        ...     run = open_run(folder, data=data)
        ...     run.step, run.codes[0].shape, run.figure("traversals").axes[0].get_ylabel()
        (2, (8, 2), 'image')
    """
    return Run(Path(run_dir), model, data)


class Run:
    """Hold a run: what was trained on what, its codes, its scores and its figures; see `open_run`.

    Every attribute is read from the folder when it is asked for; model, data and codes are then kept.

    Attributes:
        path: the folder.
        settings: what ``config.json`` says.
        config: the configuration of a run of `fastdis train`; None for any other, see ``settings``.
    """

    def __init__(self, path: Path, model: VAE | None = None, data: FactorData | None = None) -> None:
        self.path = path
        self._given: dict[str, Any] = {"model": model, "data": data}
        self.settings = read_config(path)
        saved = None if is_baseline(self.settings) else SavedRun.read(path)
        self.config: RunConfig | None = saved.config if saved else None
        self._title = saved.title() if saved else str(self.settings["objective"])

    @property
    def step(self) -> int:
        """The steps done at the newest checkpoint; 0 where there is none."""
        checkpoint = latest(self.path)
        return step_of(checkpoint) if checkpoint else 0

    @property
    def title(self) -> str:
        """The objective with its numbers."""
        return self._title

    @cached_property
    def model(self) -> VAE:
        """The model with the weights of the newest checkpoint, in evaluation mode.

        Raises:
            FileNotFoundError: there is no checkpoint.
            ValueError: the model is neither known nor given, or the checkpoint is damaged, of another
                architecture or of another version.
        """
        return self._encoded.model.eval()

    @cached_property
    def data(self) -> FactorData:
        """The data set, or of a simulator the 100,000 images that are scored."""
        data: FactorData = self._encoded.data
        return data

    @property
    def codes(self) -> tuple[Codes, Codes | None]:
        """Mean and log variance of every image, (images, latent) each; encoded if the folder lacks them.

        Of a representation without posteriors the log variance is None.
        """
        return self._encoded.codes

    @cached_property
    def kl(self) -> NDArray[np.float32] | None:
        """The KL of each latent from the prior, (latent,), in nats, mean over the images; None as above."""
        mean, logvar = self.codes
        return None if logvar is None else kl_of(mean, logvar)

    @property
    def metrics(self) -> dict[str, Number]:
        """The numbers of ``metrics.json`` by name, as `fastdis.evaluation.numbers` describes them.

        Of a score that was computed from all images and from a sample it is the former; `report` has both.
        """
        found: dict[str, Number] = {}
        for number in self.report.content["numbers"] if self.report else ():
            found.setdefault(number["name"], number)
        return found

    @property
    def report(self) -> Report | None:
        """The report in the folder; None where the run was not evaluated yet.

        Raises:
            ValueError: ``metrics.json`` is not what `evaluate_run` writes.
        """
        path = self.path / "metrics.json"
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_text())
            content["numbers"] = list(content["numbers"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} must be a report of fastdis ({error})") from error
        return Report(content, self.path, ("metrics.json",))

    @property
    def log(self) -> list[Row]:
        """The lines of the log: a dictionary each, with the step and the terms of the loss."""
        return read_log(self.path / "log.jsonl")

    def evaluate(self, **options: Any) -> Report:
        """Score the run and write its report, as `evaluate_run` does with these options."""
        return evaluate_run(self.path, **self._given, **options)

    def figure(
        self,
        name: str,
        *,
        traverse: tuple[float, float] = TRAVERSE,
        image: int | None = None,
        seed: int = 0,
    ) -> Picture:
        """Draw a picture of the report, as a Matplotlib figure; the moving traversals as a list of frames.

        Args:
            name: of the picture's file without its ending; `figures` lists them.
            traverse, image, seed: as for `fastdis.evaluation.evaluate`.

        Raises:
            ValueError: there is no picture of that name, or a value is out of range.
        """
        traverse, image = checked_view("figure", traverse, image, len(self.data))
        drawers = self._drawers(traverse, image, seed)
        if name not in drawers:
            raise ValueError(f"figure: name must be one of {', '.join(drawers)}, got {name!r}")
        return drawers[name]()

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the pictures that `figure` draws."""
        return tuple(self._drawers(TRAVERSE, None, 0))

    def _drawers(
        self, traverse: tuple[float, float], image: int | None, seed: int
    ) -> Mapping[str, Callable[[], Picture]]:
        (mean, logvar), title, found = self.codes, self._encoded.title, labels(self.data)
        measure = "sd" if self.kl is None else "nats"
        weight = spread_of(mean) if self.kl is None else self.kl
        names = [self.data.factor_names[k] for k in found.varying]
        rows, classes = found.scored()
        knowing, information = information_of(mean[rows], classes) if classes.size else ((), None)
        known = [names[k] for k in knowing]
        best = best_factors(information, known, weight)
        pixels, shown = decoding(self.model, self._encoded.likelihood), mean
        if logvar is None:
            shown, pixels = standardised(mean, pixels)
        drawers = pictures_of_images(
            *(self.data, pixels, shown, weight, best, seed, title),
            traverse=traverse,
            image=image,
            measure=measure,
        )
        drawers |= pictures_of_codes(mean, logvar, weight, seed, title)
        if logvar is not None:
            capacities = capacities_of(self.settings)
            drawers["kl_per_latent"] = lambda: plots.kl_per_latent(weight, title, capacities)
        if names:
            values = found.values, mean, found.classes, weight, title, measure
            drawers["latent_curves"] = lambda: latent_curves(*values)
        if information is not None:
            drawers["mutual_information"] = lambda: plots.mutual_information(information, known, title)
        return drawers | curves_of_training(self.path, title)

    @cached_property
    def _encoded(self) -> EncodedRun[Any]:
        return encoded_run(self.path, **self._given, progress=False)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {self.title}, {self.step:,} steps)"

    def _repr_html_(self) -> str:
        report = self.report
        numbers = computed(report.content["numbers"]) if report else []
        about = report.content.get("data") if report else self.settings.get("dataset")
        rows = [{"name": number["name"], **cells_of(number)} for number in numbers]
        title = f"{self.title}, {self.step:,} steps"
        return page("run.html", {"title": title, "path": self.path, "about": about, "rows": rows}).decode()
