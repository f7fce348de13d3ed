"""What tests run in two processes: a spawned process finds its function by the name of this module."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fastdis import posterior
from fastdis.metrics import JointTable


def _join(rank: int, path: str) -> None:
    torch.distributed.init_process_group("gloo", f"file://{path}/rendezvous", rank=rank, world_size=2)


def fill_table(rank: int, path: str, codes: NDArray[np.float32], factors: NDArray[np.int64]) -> None:
    _join(rank, path)
    table = JointTable(codes.min(axis=0), codes.max(axis=0), [3, 6, 40])
    mine = slice(rank * 1234, 1234 if rank == 0 else None)
    table.update(codes[mine], factors[mine]).all_reduce()
    np.save(f"{path}/{rank}.npy", table.counts.numpy())
    torch.distributed.destroy_process_group()


def log_mig(rank: int, path: str, codes: Tensor, factors: Tensor) -> None:
    from fastdis.metrics.torchmetrics import TableScores

    _join(rank, path)
    scores = TableScores()
    mine = slice(0, 300) if rank == 0 else slice(300, None)  # shares of different length
    scores.update(codes[mine], factors[mine])
    torch.save(scores.compute()["mig"], f"{path}/{rank}.pt")
    torch.distributed.destroy_process_group()


def sum_shard(
    rank: int, path: str, z: NDArray[np.float32], mean: NDArray[np.float32], logvar: NDArray[np.float32]
) -> None:
    _join(rank, path)
    own = slice(0, 180) if rank == 0 else slice(180, None)
    np.save(f"{path}/{rank}.npy", posterior.sharded_log_density(z, mean[own], logvar[own]))
    torch.distributed.destroy_process_group()


def train_together(rank: int, path: str) -> None:
    """One run without noise, one with noise, that one again in two scored parts, and two with a state."""
    from fastdis.losses import AdaptiveCapacityVAE, BetaVAE, ConstrainedVAE
    from fastdis.training import fit
    from support.toys import noiseless_vae, small_vae, squares

    torch.set_num_threads(1)
    _join(rank, path)
    settings = {"batch_size": 8, "log_every": 2, "progress": False}
    quiet = noiseless_vae(seed=rank)  # that of the first process counts
    whole, parts = small_vae(), small_vae()
    rows = fit(quiet, BetaVAE(), squares(), steps=6, run_dir=f"{path}/run", **settings)
    fit(whole, BetaVAE(), squares(), steps=6, **settings)
    scored = {"run_dir": f"{path}/parts", "evaluate_every": 2, "keep_checkpoints": "best"} | settings
    fit(parts, BetaVAE(), squares(), steps=3, **scored)
    fit(parts, BetaVAE(), squares(), steps=6, resume=True, **scored)
    weights = [list(model.parameters()) for model in (quiet, whole, parts)]
    states = []
    for objective in (AdaptiveCapacityVAE(latents=3, rise=0.0, patience=3), ConstrainedVAE()):
        fit(noiseless_vae(), objective, squares(), steps=6, **settings)
        states.append(objective.state_dict())
    torch.save((weights, rows, _refused_together(rank, path), states), f"{path}/{rank}.pt")
    torch.distributed.destroy_process_group()


def _refused_together(rank: int, path: str) -> list[str]:
    """What each process raises where the reason lies with one of them alone."""
    from fastdis.losses import BetaVAE
    from fastdis.training import fit
    from fastdis.training.lock import locked
    from support.toys import small_vae, squares

    images = squares().images(slice(None)) * (1 + rank)  # out of range in the second process alone
    attempts: list[tuple[str, object]] = [("used", squares()), ("bright", images), ("file/run", squares())]
    messages = []
    with ExitStack() as stack:
        if rank == 0:
            stack.enter_context(locked(Path(path) / "used"))
            (Path(path) / "file").touch()
        torch.distributed.barrier()
        for folder, data in attempts:
            try:
                fit(
                    small_vae(),
                    BetaVAE(),
                    data,
                    steps=1,
                    batch_size=8,
                    run_dir=f"{path}/{folder}",
                    progress=False,
                )
            except (ValueError, RuntimeError, OSError) as error:
                messages.append(str(error))
        torch.distributed.barrier()
    return messages
