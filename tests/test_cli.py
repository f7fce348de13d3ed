import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import fastdis
from fastdis import cli, posterior
from fastdis.training import TrainingInterrupted
from fastdis.training.presets import PRESETS
from fastdis.training.registry import OBJECTIVES
from fastdis.training.run_config import RunConfig
from support.toys import small_vae, squares


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands see a small model and a small data set, in a folder of their own."""
    monkeypatch.setattr(RunConfig, "build_data", lambda self: squares())
    monkeypatch.setattr(RunConfig, "build_model", lambda self: small_vae(self.seed))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fastdis_command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Run the command line; its exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fastdis", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capfd.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


SHORT = ("--steps", "3", "--batch-size", "8")


def test_version(fastdis_command: Any) -> None:
    assert fastdis_command("--version") == (0, f"fastdis {fastdis.__version__}\n", "")


@pytest.mark.parametrize("command", ["", "train", "evaluate", "posterior", "demo", "data", "data dsprites"])
def test_help(fastdis_command: Any, command: str) -> None:
    status, out, err = fastdis_command(*command.split(), "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: fastdis {command}".rstrip())


def test_train_then_evaluate(fastdis_command: Any) -> None:
    status, out, _ = fastdis_command("train", "run", "--objective", "beta-vae", "--seed", "3", *SHORT)
    assert status == 0
    assert "fastdis evaluate run" in out
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"]["beta"] == 4.0
    assert {
        "objective": "beta-vae",
        "seed": 3,
        "steps": 3,
        "batch_size": 8,
    }.items() <= config.items()
    status, out, _ = fastdis_command("evaluate", "run")
    assert status == 0
    assert "mig" in out
    assert "report: run: metrics.json" in out
    assert Path("run/traversals.png").exists()


def test_resume_keeps_the_settings_of_the_run(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", "--beta", "2", *SHORT)[0] == 0
    assert fastdis_command("train", "run", "--steps", "5", "--resume")[0] == 0
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"]["beta"] == 2.0
    assert {"steps": 5, "batch_size": 8}.items() <= config.items()
    status, _, err = fastdis_command("train", "run", "--beta", "3", "--resume")
    assert status == 2
    assert err.endswith("settings.beta was 2.0, got 3.0\n")


def test_a_preset_and_what_overrides_it(fastdis_command: Any) -> None:
    command = ("train", "run", "--preset", "factor-vae", "--set", "gamma=40", "--learning-rate", "0.001")
    status, out, _ = fastdis_command(*command, "--warmup", "gamma=2", "--latents", "3", *SHORT)
    assert (status, out) == (0, "trained: run; score it with: fastdis evaluate run\n")
    config = json.loads(Path("run/config.json").read_text())
    assert config["settings"] == {"channels": 1, "gamma": 40, "likelihood": "bernoulli"}
    assert config["schedules"] == {"gamma": "LinearSchedule(start=0.0, stop=40.0, steps=2)"}
    assert {"objective": "factor-vae", "learning_rate": 1e-3, "model": "burgess"}.items() <= config.items()
    assert fastdis_command("train", "run", "--steps", "5", "--resume")[0] == 0
    status, _, err = fastdis_command("train", "run", "--set", "gamma=35", "--objective", "vae", "--resume")
    assert status == 2
    assert "setting of vae on burgess must be one of channels, likelihood, got 'gamma'" in err


def test_a_run_that_ends_early_says_how_to_go_on(fastdis_command: Any) -> None:
    status, out, _ = fastdis_command("train", "run", "--minutes", "1e-6", *SHORT)
    assert (status, out) == (0, "stopped at step 1 of 3; go on with: fastdis train run --resume\n")
    status, out, _ = fastdis_command("train", "run", "--resume")
    assert (status, out) == (0, "trained: run; score it with: fastdis evaluate run\n")


def test_a_damaged_checkpoint_and_the_way_back(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", "--objective", "vae", *SHORT)[0] == 0
    assert fastdis_command("train", "run", "--steps", "4", "--resume")[0] == 0
    newest = Path("run/checkpoint-00000004.safetensors")
    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
    status, _, err = fastdis_command("train", "run", "--steps", "6", "--resume")
    assert status == 2
    assert err.count("\n") == 1
    assert "(fastdis train --resume-previous) goes back to checkpoint-00000003.safetensors" in err
    with pytest.warns(UserWarning, match=r"going back to checkpoint-00000003.safetensors, as asked"):
        status, out, _ = fastdis_command("train", "run", "--steps", "6", "--resume-previous")
    assert (status, out) == (0, "trained: run; score it with: fastdis evaluate run\n")
    assert [path.name for path in sorted(Path("run").glob("checkpoint-*"))] == [
        "checkpoint-00000003.safetensors",
        "checkpoint-00000006.safetensors",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_built_and_kept(name: str, tmp_path: Path) -> None:
    recipe = PRESETS[name]
    config = json.dumps(recipe.to_dict())
    (tmp_path / "config.json").write_text(config)
    kept = RunConfig.of_run(tmp_path)
    assert kept.to_dict() == json.loads(config)
    assert repr(kept.build_objective(96)) == repr(recipe.build_objective(96))
    assert kept.title().startswith(recipe.objective)


def test_every_objective_has_a_preset() -> None:
    assert {recipe.objective for recipe in PRESETS.values()} == set(OBJECTIVES)


@pytest.mark.parametrize("name", ["ada-gvae", "denoising-ae", "hfvae"])
def test_presets_train(fastdis_command: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs, corrupted images and groups of latents reach the loop; the model is the small one."""
    options = ("--latents", "3", "--set", "groups=[[0, 1], [2]]") if name == "hfvae" else ()
    assert fastdis_command("train", "run", "--preset", name, *options, *SHORT)[0] == 0


def test_demo_is_finished_where_it_was_left(fastdis_command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "QUICK", RunConfig(steps=3, batch_size=8, every=11))
    status, out, _ = fastdis_command("demo", "--quick")
    assert status == 0
    assert "1 image in 11" in out
    assert "1 image in 11" in json.loads(Path("runs/demo-quick/metrics.json").read_text())["data"]
    assert fastdis_command("demo", "--quick")[0] == 0
    assert len(Path("runs/demo-quick/log.jsonl").read_text().splitlines()) == 2


def test_codes_from_a_file(fastdis_command: Any) -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.savez("codes.npz", codes=factors.astype(np.float32), factors=factors)
    status, out, _ = fastdis_command("evaluate", "--codes", "codes.npz", "--out", "report")
    assert status == 0
    assert "mig                         1.0000" in out
    assert Path("report/metrics.json").exists()


def test_the_posterior_of_a_run(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", *SHORT)[0] == 0
    status, out, _ = fastdis_command("posterior", "run", "--samples", "2", "--seed", "5")
    assert status == 0
    assert "total correlation" in out
    assert out.endswith("report: run: posterior.json, aggregated_marginals.png\n")
    content = json.loads(Path("run/posterior.json").read_text())
    with np.load("run/codes.npz") as file:
        expected = posterior.decompose(file["mean"], file["logvar"], samples=2, seed=5)
    assert expected.to_dict().items() <= content.items()
    assert content["checkpoint"] == "checkpoint-00000003.safetensors"
    assert Path("run/aggregated_marginals.png").read_bytes().startswith(b"\x89PNG")


def test_the_posterior_of_a_file(fastdis_command: Any) -> None:
    mean = np.arange(4.0).reshape(4, 1) * 100
    np.savez("codes.npz", mean=mean, logvar=np.zeros((4, 1)))
    status, out, _ = fastdis_command("posterior", "--codes", "codes.npz")
    assert (status, out.count("\n")) == (0, 6)
    assert "index-code MI          1.3863" in out  # log 4
    assert [path.name for path in Path().iterdir()] == ["codes.npz"]
    status, out, _ = fastdis_command(
        "posterior", "--codes", "codes.npz", "--out", "new", "--max-pairs", "8", "--samples", "3"
    )
    assert status == 2  # every one of 4 samples needs 4 pairs
    status, out, _ = fastdis_command("posterior", "--codes", "codes.npz", "--out", "new", "--max-pairs", "8")
    assert status == 0
    assert "1 z from each of 2 of them drawn at random" in out
    assert json.loads(Path("new/posterior.json").read_text())["queries"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mean": np.zeros((4, 2))}, "codes.npz must hold the arrays mean and logvar, got mean"),
        ({"mean": np.zeros((4, 2)), "logvar": np.zeros((4, 3))}, "logvar must have shape (4, 2) like mean"),
        ({"mean": np.zeros(4), "logvar": np.zeros(4)}, "mean must have shape (batch, latent)"),
        ({"mean": np.zeros((0, 2)), "logvar": np.zeros((0, 2))}, "both at least 1, got (0, 2)"),
        ({"mean": np.eye(2), "logvar": np.full((2, 2), np.nan)}, "logvar must be finite, got nan in row 0"),
        ({"mean": np.eye(2, dtype=complex), "logvar": np.eye(2)}, "mean must have a real dtype"),
        ({"mean": np.eye(2, dtype=object), "logvar": np.eye(2)}, "codes.npz must hold arrays of numbers"),
        (b"not a zip", "codes.npz must be a complete npz or HDF5 file"),
    ],
)
def test_files_without_posteriors(fastdis_command: Any, content: Any, message: str) -> None:
    if isinstance(content, bytes):
        Path("codes.npz").write_bytes(content)
    else:
        np.savez("codes.npz", **content)
    status, out, err = fastdis_command("posterior", "--codes", "codes.npz", "--out", "new")
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("new").exists()


def test_codes_from_an_npy_pair_and_from_hdf5(fastdis_command: Any) -> None:
    factors = np.stack([np.arange(96) % 4, np.arange(96) // 48], axis=1)
    np.save("z.npy", factors.astype(np.float32))
    np.save("v.npy", factors)
    with h5py.File("mine.h5", "w") as file:
        file["codes"], file["factors"] = factors.astype(np.float32), factors
    for arguments in (("--codes", "z.npy", "--factors", "v.npy"), ("--codes", "mine.h5")):
        status, out, err = fastdis_command("evaluate", *arguments)
        assert (status, err) == (0, "")
        assert "mig                         1.0000" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "--codes", "z.npy"), "factors must be given as a second npy file beside z.npy"),
        (("evaluate", "--codes", "none.npy", "--factors", "v.npy"), "No such file or directory: 'none.npy'"),
        (("evaluate", "run", "--factors", "v.npy"), "--factors goes with --codes"),
        (("train",), "Missing argument 'run'"),
        (("train", "run", "--stepz", "3"), "No such option: --stepz"),
        (("train", "run", "--steps", "many"), "Invalid value for '--steps'"),
        (("train", "run", "--steps", "0"), "steps must be at least 1, got 0"),
        (("train", "run", "--batch-size", "97"), "batch_size must be between 1 and the 96 images, got 97"),
        (("train", "run", "--objective", "beta-tcva"), "did you mean beta-tcvae or beta-vae"),
        (("train", "run", "--objective", "quux"), "infogan, got 'quux'\n"),
        (("train", "run", "--preset", "factorvae"), "got 'factorvae'; did you mean factor-vae"),
        (("train", "run", "--model", "burges"), "got 'burges'; did you mean burgess"),
        (
            ("train", "run", "--objective", "ae", "--model", "chen"),
            "must suit objective 'ae', as 'burgess-ae'",
        ),
        (("train", "run", "--objective", "hfvae"), "objective 'hfvae' needs the setting groups"),
        (("train", "run", "--set", "gama=2"), "got 'gama'; did you mean gamma"),
        (("train", "run", "--set", "gamma"), "--set must be NAME=VALUE, got 'gamma'"),
        (("train", "run", "--warmup", "betas=3"), "got 'betas'; did you mean beta"),
        (("train", "run", "--warmup", "channels=3"), "warmup of beta-tcvae must be one of learning_rate"),
        (("train", "run", "--warmup", "beta=soon"), "warmup of beta must be an integer, got str 'soon'"),
        (("train", "run", "--resume", "--preset", "vae"), "--preset goes with a new run"),
        (
            ("train", "run", "--precision", "half"),
            "precision must be one of 'float32', 'bfloat16', got 'half'",
        ),
        (("train", "run", "--minutes", "0"), "minutes must be finite and above 0, got 0\n"),
        (
            ("train", "run", "--objective", "vae", "--beta", "2"),
            "must be one of channels, likelihood, got 'beta'",
        ),
        (("train", "run", "--learning-rate", "-1"), "learning_rate must be finite and above 0, got -1\n"),
        (("train", "run", "--every", "0"), "every must be at least 1, got 0"),
        (("train", "run", "--seed", "-1"), "seed must be between 0 and 9,223,372,036,854,775,807, got -1"),
        (("train", "run", "--seed", "9" * 30), "seed must be between 0 and 9,223,372,036,854,775,807, got"),
        (("train", "run", "--set", "beta=nan"), "beta must be finite and at least 0, got nan"),
        (("train", "run", "--set", "beta=-inf"), "beta must be finite and at least 0, got -inf"),
        (("train", "run", "--set", "beta=Infinity"), "beta must be finite and at least 0, got inf"),
        (("train", "run", "--set", "beta=much"), "beta must be a number, got str"),
        (("train", "run", "--resume-previous"), "run is not the folder of a run: it has no config.json"),
        (("train", "run", "--resume"), "run is not the folder of a run: it has no config.json"),
        (("evaluate", "run"), "run is not the folder of a run"),
        (("evaluate",), "give either the folder of a run or --codes"),
        (("evaluate", "run", "--codes", "codes.npz"), "give either the folder of a run or --codes"),
        (("evaluate", "run", "--out", "folder"), "--out goes with --codes"),
        (("posterior",), "give either the folder of a run or --codes"),
        (("posterior", "run"), "run is not the folder of a run"),
        (("posterior", "run", "--out", "folder"), "--out goes with --codes"),
        (("posterior", "--codes", "none.npz"), "No such file or directory: 'none.npz'"),
        (("evaluate", "--codes", "none.npz"), "No such file or directory: 'none.npz'"),
        (("data", "dsprites", "--dataset", "none.npz", "--out", "new.npz"), "none.npz"),
        (("paint",), "No such command 'paint'"),
    ],
)
def test_what_the_user_can_correct_is_one_line(
    fastdis_command: Any, arguments: tuple[str, ...], message: str
) -> None:
    status, out, err = fastdis_command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("fastdis: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_run_is_not_overwritten(fastdis_command: Any) -> None:
    assert fastdis_command("train", "run", *SHORT)[0] == 0
    status, _, err = fastdis_command("train", "run", *SHORT)
    assert status == 2
    assert "run_dir must be new unless the run is resumed" in err


@pytest.mark.parametrize(
    "stop", [TrainingInterrupted("stopped at step 7; checkpoint c"), KeyboardInterrupt()]
)
def test_ctrl_c(fastdis_command: Any, monkeypatch: pytest.MonkeyPatch, stop: BaseException) -> None:
    def interrupted(self: RunConfig) -> None:
        raise stop

    monkeypatch.setattr(RunConfig, "build_data", interrupted)
    status, _, err = fastdis_command("train", "run", *SHORT)
    assert status == 130
    assert err.strip().splitlines()[-1] == f"fastdis: {str(stop) or 'interrupted'}"


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: RunConfig) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(RunConfig, "build_data", broken)
    monkeypatch.setattr(sys, "argv", ["fastdis", "train", "run"])
    with pytest.raises(KeyError):
        cli.main()


def installed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("fastdis")
    return subprocess.run([command, *arguments], capture_output=True, text=True)


def test_the_command_is_installed() -> None:
    result = installed("evaluate", "nowhere")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "fastdis: nowhere is not the folder of a run: it has no config.json\n"


def test_a_constant_factor_is_mentioned_in_one_line() -> None:
    factors = squares().factors(slice(None))
    np.savez("codes.npz", codes=factors.astype(np.float32), factors=factors)
    result = installed("evaluate", "--codes", "codes.npz")
    assert result.returncode == 0
    assert result.stderr == "fastdis: evaluate: factors column 0 is constant and left out\n"


def test_importing_the_command_line_loads_no_compiler() -> None:
    code = "import sys, fastdis.cli; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(result.stdout.split()) & {"numba", "triton", "sklearn", "matplotlib", "h5py"}
