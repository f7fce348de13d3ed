"""The losses in somebody else's loop: Lightning's, and the one that the training guide shows."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

import fastdis
from support.toys import small_vae, squares

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "training.md"


@pytest.mark.filterwarnings("ignore")
def test_a_few_steps_in_lightning(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = small_vae()
            self.objective = fastdis.losses.BetaTCVAE(dataset_size=96)
            self.totals: list[float] = []

        def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
            images, _ = batch
            output = self.model(images)
            terms = self.objective(output.reconstruction, images, output.z, output.mean, output.logvar)
            self.log_dict(terms.to_dict())
            self.totals.append(terms.total.item())
            return terms.total

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=1e-2)

    module = Module()
    trainer = lightning.Trainer(
        max_steps=24,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(module, DataLoader(squares(), batch_size=16))
    assert len(module.totals) == 24
    assert module.totals[-1] < 0.6 * module.totals[0]
    assert set(trainer.logged_metrics) == {
        "total",
        "reconstruction",
        "index_code_mi",
        "total_correlation",
        "dimwise_kl",
    }


def test_the_loop_of_the_training_guide() -> None:
    """Exactly its lines, several times over."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    setting_up = next(block for block in blocks if "optimizer = " in block)
    loop = next(block for block in blocks if "optimizer.step()" in block)
    names: dict[str, object] = {"fastdis": fastdis, "losses": fastdis.losses}
    exec(setting_up, names)
    exec(loop.replace("640", "64"), names)  # one step
    before = names["terms"].total.item()
    for _ in range(8):
        exec(loop, names)
    assert names["terms"].total.item() < 0.97 * before
