"""What stays of a finished run: its weights, its checkpoints, or its log and scores alone."""

from pathlib import Path

from ..training.checkpoint_file import checkpoints, latest, read_file, write_file

CODES = "codes.npz"


def tidy(run_dir: Path, keep: str) -> None:
    """Drop what a finished run of a study need not keep.

    Args:
        run_dir: the folder of the run.
        keep: "checkpoints" keeps everything: for Burgess's model of dSprites two files of 6 MB, with
            FactorVAE's discriminator of 60. "weights" keeps the newest checkpoint with the model alone, 2 MB,
            which can be scored and drawn but not trained further. "nothing" keeps log, scores and
            configuration. The codes of the images go in the last two.

    Raises:
        OSError: a file cannot be written or removed.
    """
    if keep == "checkpoints":
        return
    (run_dir / CODES).unlink(missing_ok=True)
    newest = latest(run_dir)
    if keep == "weights" and newest is not None:
        tensors, values = read_file(newest)
        weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        # without groups of parameters `fit` refuses to go on from it: there are no states for its optimisers
        write_file(newest, None, weights, values | {"param_groups": {}, "terms": []})
        return
    for path in checkpoints(run_dir):
        path.unlink()
