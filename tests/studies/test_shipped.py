"""The papers' studies are what the papers say."""

import pytest

from fastdis.studies import find, names
from fastdis.studies.study import unique

RUNS = {  # settings, different runs
    "kim-mnih-tradeoff": (120, 120),
    "locatello-dsprites": (1800, 1800),
    "locatello-dsprites-short": (54, 54),
    "locatello-noisy-dsprites": (1800, 1800),
    "locatello-noisy-dsprites-short": (18, 18),
    "thesis-1": (144, 84),  # at 10 latents the arms are one, elsewhere they have values of beta in common
    "thesis-1-short": (64, 40),
    "thesis-2": (252, 162),
    "thesis-2-short": (56, 56),
}


def test_all_are_here() -> None:
    assert names() == sorted(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_runs(name: str) -> None:
    study = find(name)
    runs = study.runs()
    assert (len(runs), len(unique(runs))) == RUNS[name]
    assert study.title


def test_the_strengths_of_locatello() -> None:
    strengths: dict[str, set[float]] = {}
    for run in find("locatello-dsprites").runs():
        strengths.setdefault(run.settings["method"], set()).add(run.settings["strength"])
        assert (run.config.batch_size, run.config.learning_rate, run.config.latents) == (64, 1e-4, 10)
        assert run.config.steps == 300_000
    assert strengths == {
        "beta-VAE": {1, 2, 4, 6, 8, 16},
        "FactorVAE": {10, 20, 30, 40, 50, 100},
        "beta-TCVAE": {1, 2, 4, 6, 8, 10},
        "DIP-VAE-I": {1, 2, 5, 10, 20, 50},
        "DIP-VAE-II": {1, 2, 5, 10, 20, 50},
        "AnnealedVAE": {5, 10, 25, 50, 75, 100},
    }


def test_the_arms_of_the_thesis() -> None:
    betas = {
        (run.settings["arm"], run.config.latents): run.config.settings["beta"]
        for run in find("thesis-1").runs()
        if run.settings["strength"] == 8
    }
    assert [betas[0, d] for d in (5, 10, 15, 20)] == [8, 8, 8, 8]
    assert [betas[1, d] for d in (5, 10, 15, 20)] == [4, 8, 12, 16]
    assert [betas[-1, d] for d in (5, 10, 15, 20)] == pytest.approx([16, 8, 16 / 3, 4])
    colour = [run.config.settings["beta"] for run in find("thesis-2").runs() if run.settings["k"] == 7]
    assert sorted(set(colour)) == pytest.approx(
        sorted({b * f for b in (1, 2, 4, 8) for f in (1, 2 / 3, 3 / 2)})
    )


def test_the_two_experiments_share_their_runs_of_five_factors() -> None:
    first, second = ({run.name for run in find(f"thesis-{n}-short").runs()} for n in (1, 2))
    assert len(first & second) == 8
    first, second = ({run.name for run in find(f"thesis-{n}").runs()} for n in (1, 2))
    assert len(first & second) == 18
