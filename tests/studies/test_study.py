"""A study as a file: its runs, their names, and what is wrong with it in one line."""

from pathlib import Path
from typing import Any

import pytest

from fastdis.studies import Study, find, names
from fastdis.studies.names import run_name
from fastdis.studies.study import unique
from fastdis.training.run_config import RunConfig


def settings(study: Study, *wanted: str) -> list[tuple[Any, ...]]:
    return [tuple(run.settings.get(name) for name in wanted) for run in study.runs()]


def test_axes_are_a_grid() -> None:
    study = Study(base={"objective": "beta-vae"}, axes={"beta": [1, 4], "seed": [0, 1]})
    assert settings(study, "beta", "seed") == [(1, 0), (1, 1), (4, 0), (4, 1)]
    assert [run.config.settings["beta"] for run in study.runs()] == [1, 1, 4, 4]


def test_methods_bring_their_own_strengths() -> None:
    study = Study(
        axes={"seed": [0, 1]},
        methods=[
            {"objective": "beta-vae", "beta": [1, 4, 16]},
            {"objective": "factor-vae", "gamma": [10, 100]},
            {"preset": ["dip-vae-i", "dip-vae-ii"], "lambda_od": 5},
        ],
    )
    assert len(study.runs()) == 2 * (3 + 2 + 2)
    last = study.runs()[-1].config
    assert (last.objective, last.settings) == ("dip-vae", {"variant": "ii", "lambda_od": 5, "lambda_d": 10.0})


def test_a_method_that_has_an_axis_of_the_study_replaces_it() -> None:
    study = Study(axes={"latents": [5, 10]}, methods=[{"latents": 20}, {}])
    assert settings(study, "latents") == [(20,), (5,), (10,)]


def test_exclusions_and_a_filter() -> None:
    axes = {"beta": [1, 2, 4], "latents": [5, 10]}
    base = {"objective": "beta-vae"}
    without = Study(
        base=base, axes=axes, exclude=[{"beta": [1, 2], "latents": 5}, {"beta": 4, "latents": 10}]
    )
    assert settings(without, "beta", "latents") == [(1, 10), (2, 10), (4, 5)]
    only = Study(base=base, axes=axes, only=[{"beta": 1}, {"latents": 10, "beta": 4}])
    assert settings(only, "beta", "latents") == [(1, 5), (1, 10), (4, 10)]


def test_computed_settings_and_labels() -> None:
    study = Study(
        labels=["arm", "strength"],
        base={"objective": "beta-vae", "dataset": "scenes"},
        axes={"strength": [1, 8], "latents": [5, 10], "k": [5, 6]},
        methods=[
            {"arm": "plain", "beta": "= strength"},
            {"arm": "author", "beta": "= strength * (latents / 10) * 4096 / numbers"},
        ],
    )
    found = {
        (run.settings["arm"], run.settings["strength"], run.config.latents, run.config.settings["k"]): run
        for run in study.runs()
    }
    assert found["author", 8, 5, 5].config.settings["beta"] == 4
    assert found["author", 8, 10, 6].config.settings["beta"] == pytest.approx(8 / 3)
    same = found["plain", 8, 10, 5].name
    assert found["author", 8, 10, 5].name == same  # the same settings are one run
    assert len(unique(study.runs())) == 16 - 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"bse": {}}, "study: part must be one of .*, got 'bse'; did you mean base"),
        (
            {"base": {"objctive": "vae"}},
            "study: run of objctive vae: .*got 'objctive'; did you mean objective",
        ),
        ({"axes": {"bta": [1]}}, "study: run of bta 1: setting must be .*, got 'bta'; did you mean beta"),
        ({"base": {"objective": "bta-vae"}}, "run of objective bta-vae: .*; did you mean beta-vae"),
        ({"axes": {"preset": ["kim-factor"]}}, "run of preset kim-factor: .*; did you mean kim-factor-vae"),
        ({"axes": {"seed": []}}, "study: axis seed must hold at least 1 item, got none"),
        ({"axes": {"seed": 3}}, "study: axis seed must be a sequence, got int"),
        ({"base": {"steps": 0}}, "study: run of steps 0: train: steps must be at least 1, got 0"),
        ({"base": []}, "study: base must be a table of settings, got list"),
        ({"methods": {"beta": 1}}, "study: methods must be a list of tables, got dict"),
        ({"evaluate": {"metrics": ["migg"]}}, "study: metrics must be one of .*; did you mean mig"),
        ({"evaluate": {"evry": 3}}, "study: part of evaluate must be one of .*; did you mean every"),
        ({"exclude": [{"sed": 1}]}, "study: setting in exclude must be one of .*; did you mean seed"),
        ({"exclude": [{"seed": 0}], "axes": {"seed": [0]}}, "at least 1 run, got none of 1 combinations"),
        ({"keep": "weight"}, "study: keep must be one of .*; did you mean weights"),
        ({"labels": ["steps"]}, "study: labels must be words other than settings, got 'steps'"),
        ({"base": {"beta": "= stength", "latents": 5}}, "run of beta = stength, latents 5: .*got 'stength'"),
        ({"base": {"beta": "= latents +"}}, "must be an expression such as '= 2 [*] latents'"),
        ({"base": {"beta": "= latents / 0"}}, "'= latents / 0' has no value: "),
        ({"base": {"beta": "= print(latents)"}}, "must be of numbers, names and"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(content: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as error:
        Study.from_dict(content).runs()
    assert "\n" not in str(error.value)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Study.read(path)
    path.write_text("[axes\nseed = 3")
    with pytest.raises(ValueError, match=r"mine.toml must be a TOML file \(.*line 1"):
        Study.read(path)
    path.write_text("axis.seed = [1]")
    with pytest.raises(ValueError, match=r"mine.toml: study: part must .*did you mean axes"):
        Study.read(path)
    path.write_text("axes.seed = [0, 1]\n[evaluate]\nevery = 2\n")
    study = find(path)
    assert Study.from_dict(study.to_dict()) == study
    with pytest.raises(ValueError, match=f"study that is not a .toml file must be one of {names()[0]}"):
        find("thesis")


def test_names_are_stable_and_without_collisions(tmp_path: Path) -> None:
    config = RunConfig("beta-vae", settings={"beta": 4.0})
    assert run_name(config).startswith("beta-vae,beta=4,seed=0,")
    # a default that is given, a whole number as an integer, the name of the usual model
    for same in (
        RunConfig("beta-vae"),
        RunConfig("beta-vae", settings={"beta": 4}),
        RunConfig("beta-vae", "burgess", settings={"beta": 4, "likelihood": "bernoulli"}),
    ):
        assert run_name(same) == run_name(config)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.npz").touch()
    others = [
        RunConfig("beta-vae", settings={"beta": 4.0000001}),
        RunConfig("beta-vae", seed=1),
        RunConfig("beta-vae", steps=10),
        RunConfig("beta-vae", warmup={"beta": 10}),
        RunConfig("beta-vae", "chen"),
        RunConfig("beta-vae", dataset=str(tmp_path / "a" / "mine.npz")),
        RunConfig("beta-vae", dataset=str(tmp_path / "b" / "mine.npz")),
        RunConfig("hfvae", settings={"groups": [[0], [1]]}, latents=2),
        RunConfig("hfvae", settings={"groups": [[0, 1]]}, latents=2),
    ]
    found = [run_name(other) for other in [config, *others]]
    assert len(set(found)) == len(found)
    assert all(name.replace(",", "").replace("=", "").isascii() and "/" not in name for name in found)


def test_a_name_does_not_depend_on_the_other_runs() -> None:
    base = {"objective": "beta-vae", "beta": 2}
    alone = Study(base=base).runs()[0].name
    assert alone in [run.name for run in Study(base=base, axes={"latents": [5, 10]}).runs()]
