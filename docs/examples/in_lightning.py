"""Train and score in Lightning: an objective in the training step, a torchmetrics score in the validation.

python docs/examples/in_lightning.py --out in_lightning.png
"""

from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
import typer
from torch.utils.data import DataLoader, TensorDataset

import fastdis
from fastdis.metrics.torchmetrics import TableScores


class BetaVAE(lightning.LightningModule):
    def __init__(self, beta: float = 4.0) -> None:
        super().__init__()
        self.model = fastdis.models.VAE(
            fastdis.models.MLPEncoder(6, hidden=(128,)), fastdis.models.MLPDecoder(6, hidden=(128,))
        )
        self.objective = fastdis.losses.BetaVAE(beta=beta)
        self.scores = TableScores(["mig", "modularity"])
        self.totals: list[float] = []

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        images, _ = batch
        output = self.model(images)
        terms = self.objective(output.reconstruction, images, output.z, output.mean, output.logvar)
        self.log_dict(terms.to_dict())
        self.totals.append(terms.total.item())
        return terms.total

    def validation_step(self, batch: Any, index: int) -> None:
        images, factors = batch
        self.scores.update(self.model.encode(images)[0], factors)

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.scores.compute())
        self.scores.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main(out: Path = Path("in_lightning.png"), steps: int = 200, every: int = 997) -> dict[str, Any]:
    """Write the KL of each latent; return the losses and the scores that Lightning logged."""
    torch.manual_seed(0)
    data = fastdis.data.dsprites().subset(slice(0, None, every))
    indices = torch.arange(len(data))
    images, factors = data.images(indices), torch.from_numpy(data.factors(indices.numpy()))
    loader = DataLoader(TensorDataset(images, factors), batch_size=64)
    module = BetaVAE()
    trainer = lightning.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, loader, loader)
    scores = trainer.validate(module, loader, verbose=False)[0]
    with torch.inference_mode():
        kl = fastdis.gaussian_kl(*module.model.encode(images)).numpy()
    title = f"β-VAE in Lightning, {steps} steps, MIG {scores['mig']:.3f}"
    fastdis.plots.kl_per_latent(kl, title).savefig(out, dpi=120)
    print(f"wrote {out}")
    return {"totals": module.totals, "scores": scores}


if __name__ == "__main__":
    typer.run(main)
