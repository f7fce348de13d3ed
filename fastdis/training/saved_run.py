"""The folder of a run read back: what was trained, with its weights, and on what."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.protocols import FactorData
from ..models import VAE
from .checkpoint import load_weights
from .config_file import NAME, read_config
from .origin import rebuilt_data, rebuilt_model
from .run_config import RunConfig


@dataclass(frozen=True)
class SavedRun:
    """Read what a run's folder says, and build what it trained.

    Attributes:
        run_dir: the folder.
        settings: its ``config.json``.
        config: the configuration, of a run of `fastdis train`; None where `fit` was called with a model and
            data of one's own.
    """

    run_dir: Path
    settings: dict[str, Any]
    config: RunConfig | None

    @classmethod
    def read(cls, run_dir: str | Path) -> "SavedRun":
        """Read ``config.json``.

        Raises:
            FileNotFoundError: the folder has none.
            ValueError: it is not what a run writes.
        """
        folder = Path(run_dir)
        settings = read_config(folder)
        return cls(folder, settings, RunConfig.of_run(folder) if "settings" in settings else None)

    def load_model(self, model: VAE | None = None) -> tuple[VAE, Path]:
        """Build the model, or take the one given, and load the newest weights into it.

        A run of `fastdis train` knows its model, and so does one of a named model of `fastdis.models`. Any
        other must be given.

        Returns:
            The model and the checkpoint.

        Raises:
            FileNotFoundError: there is no checkpoint.
            ValueError: the model is neither known nor given, or the checkpoint is damaged or of another
                architecture.
        """
        model = model if model is not None else self._built_model()
        if model is None:
            raise ValueError(
                f"{self.run_dir / NAME} does not say how its model is built, as it does for the named models "
                f"of fastdis.models, got a {self.settings.get('model', 'model')}; give the model: "
                "evaluate_run(run_dir, model=...)"
            )
        return model, load_weights(self.run_dir, model)

    def _built_model(self) -> VAE | None:
        if self.config is not None:
            return self.config.build_model()
        try:
            return rebuilt_model(self.settings.get("architecture"))
        except ValueError as error:
            raise ValueError(f"{self.run_dir / NAME}: {error}") from error

    def build_data(self) -> FactorData:
        """Build the data set that was trained on.

        A run of `fastdis train` knows its data set, and so does one on the regenerated dSprites.

        Raises:
            ValueError: it is another.
        """
        data: FactorData | None
        data = self.config.build_data() if self.config else rebuilt_data(self.settings.get("data"))
        if data is None:
            described = self.settings.get("data")
            found = described if isinstance(described, dict) else {}
            raise ValueError(
                f"{self.run_dir / NAME} does not say how its data set can be read, got "
                f"{found.get('source') or found.get('type')}; give the data: evaluate_run(run_dir, data=...)"
            )
        return data

    def sides(self, data: Any) -> tuple[Any, ...]:
        """Return the images that were trained on and, where some were held out, those.

        Args:
            data: what `build_data` built.

        Raises:
            ValueError: the data set has no longer what the run says of it.
        """
        return self.config.sides(data) if self.config else (data,)

    @property
    def held_out(self) -> str:
        """Which images were held out; empty where none were."""
        return self.config.held_out() if self.config else ""

    @property
    def likelihood(self) -> str:
        """The likelihood of the objective, "bernoulli" where it has none."""
        settings = self.config.settings if self.config else self.settings
        return str(settings.get("likelihood") or "bernoulli")

    def title(self) -> str:
        """Name the objective and its numbers, to stand above pictures."""
        objective = str(self.settings.get("objective"))
        return self.config.title() if self.config else objective.partition("(\n")[0]  # its networks left out

    def subset(self) -> str:
        """Return what to add to the name of the data set, where it is not all of it."""
        if self.config:
            return self.config.subset()
        described = self.settings.get("data")
        every = described.get("every") if isinstance(described, dict) else None
        return f" (1 image in {every})" if isinstance(every, int) and every > 1 else ""
