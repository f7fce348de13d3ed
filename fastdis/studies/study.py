"""A study: many runs that one file describes."""

import itertools
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .. import _checks
from ..training.registry import require_known
from ..training.run_config import RunConfig
from .evaluation import Evaluate
from .names import run_name
from .settings import FIELDS, configuration

KEEP = ("weights", "checkpoints", "nothing")
SUFFIX = ".toml"


@dataclass(frozen=True)
class StudyRun:
    """One run of a study.

    name: of its folder; runs whose settings come to the same configuration share one.
    settings: as the study gives them or computes them, labels included.
    config: what is trained.
    """

    name: str
    settings: dict[str, Any]
    config: RunConfig


@dataclass(frozen=True, kw_only=True)
class Study:
    """Describe runs by what they share and by what is varied: every method with every point of the grid.

    Wherever settings are given, they are fields of `fastdis train` (objective, model, dataset, path, latents,
    every, steps, batch_size, learning_rate, precision, compile, seed, warmup), "preset", labels, and the
    settings of objective, model and data by their names. Text that begins with an equals sign is computed:
    ``beta = "= strength * latents / 10"``; ``numbers`` is there the number of values in an image.

    Args:
        title: what the study is about.
        base: settings of all runs.
        axes: by setting the list of its values; all combinations are run.
        methods: tables of settings that belong together, such as an objective with its strengths. A list is
            an axis of that method alone.
        exclude: runs to leave out: a table of settings, each a value or a list of values.
        only: if given, runs that match none of these tables are left out too.
        labels: names that may be used like settings but set nothing: they name the lines of a report.
        evaluate: how each run is scored.
        keep: what stays of a finished run beside its log and scores: "weights", its whole "checkpoints",
            which a longer training could go on from, or "nothing".

    Raises:
        TypeError: a part is of another type.
        ValueError: a part holds what it cannot.

    Example:
        >>> study = Study(
        ...     base={"objective": "beta-vae", "steps": 1000}, axes={"beta": [1, 4], "seed": [0, 1, 2]}
        ... )
        >>> runs = study.runs()
        >>> len(runs), runs[-1].settings
        (6, {'objective': 'beta-vae', 'steps': 1000, 'beta': 4, 'seed': 2})
    """

    title: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    methods: Sequence[Mapping[str, Any]] = ()
    exclude: Sequence[Mapping[str, Any]] = ()
    only: Sequence[Mapping[str, Any]] = ()
    labels: Sequence[str] = ()
    evaluate: Evaluate = field(default_factory=Evaluate)
    keep: str = "weights"

    def __post_init__(self) -> None:
        if not isinstance(self.title, str):
            raise TypeError(f"study: title must be of type str, got {type(self.title).__name__}")
        if isinstance(self.evaluate, Mapping):
            object.__setattr__(self, "evaluate", _evaluate(self.evaluate))
        for name in ("base", "axes"):
            _table(name, getattr(self, name))
        for name in ("methods", "exclude", "only"):
            tables = getattr(self, name)
            if isinstance(tables, Mapping | str) or not isinstance(tables, Sequence):
                raise TypeError(f"study: {name} must be a list of tables, got {type(tables).__name__}")
            for table in tables:
                _table(name, table)
        for axis, values in self.axes.items():
            _checks.sequence("study", f"axis {axis}", values)
        _checks.choice("study", "keep", self.keep, KEEP)
        for label in self.labels:
            if not isinstance(label, str) or label in FIELDS:
                raise ValueError(f"study: labels must be words other than settings, got {label!r}")

    @classmethod
    def read(cls, path: str | Path) -> "Study":
        """Read a TOML file.

        Raises:
            FileNotFoundError: there is no such file.
            TypeError, ValueError: it is not TOML, or not a study; the message names the file.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"study: there is no file {path}")
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # not UTF-8, or not TOML
            raise ValueError(f"study: {path} must be a TOML file ({error})") from error
        try:
            return cls.from_dict(content)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Study":
        """Make a study of plain Python, as TOML gives it.

        Raises:
            TypeError, ValueError: as the study itself, or there is an unknown part.
        """
        known = [part.name for part in fields(cls)]
        for name in content:
            require_known("study: part", name, known)
        return cls(**content)

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python, as JSON and TOML keep it."""
        return asdict(self) | {"evaluate": self.evaluate.to_dict()}

    def runs(self) -> list[StudyRun]:
        """List the runs, each checked as `fastdis train` would check it.

        Raises:
            TypeError, ValueError, FileNotFoundError: a setting of a run is not what it can be; the message
                names the run's settings, and close matches of an unknown name.
            ValueError: there is no run, or a table of exclude or only has a name that no run has.
        """
        points = list(self._points())
        named = {name for point in points for name in point}
        for part, tables in {"exclude": self.exclude, "only": self.only}.items():
            for table in tables:
                for name in table:
                    require_known(f"study: setting in {part}", name, sorted({*named, *FIELDS}))
        chosen = [
            point
            for point in points
            if not _matches(point, self.exclude) and (not self.only or _matches(point, self.only))
        ]
        if not chosen:
            raise ValueError(f"study: there must be at least 1 run, got none of {len(points)} combinations")
        found = [configuration(point, self.labels) for point in chosen]
        return [StudyRun(run_name(config), settings, config) for settings, config in found]

    def _points(self) -> Iterator[dict[str, Any]]:
        for method in self.methods or [{}]:
            lists = {name: value for name, value in method.items() if isinstance(value, list | tuple)}
            for name, values in lists.items():
                _checks.sequence("study", f"{name} of a method", values)
            axes = {name: values for name, values in self.axes.items() if name not in method} | lists
            for values in itertools.product(*axes.values()):
                yield {**self.base, **method, **dict(zip(axes, values, strict=True))}


def unique(runs: Iterable[StudyRun]) -> list[StudyRun]:
    """Return the runs of different configurations, in their order."""
    return list({run.name: run for run in reversed(list(runs))}.values())[::-1]


def _matches(point: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        all(
            point.get(name) in value if isinstance(value, list | tuple) else point.get(name) == value
            for name, value in table.items()
        )
        for table in tables
    )


def _table(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"study: {name} must be a table of settings, got {type(value).__name__}")


def _evaluate(table: Mapping[str, Any]) -> Evaluate:
    for name in table:
        require_known("study: part of evaluate", name, [part.name for part in fields(Evaluate)])
    return Evaluate(**table)
