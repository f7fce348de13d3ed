"""Train in a loop of one's own: the losses are functions of what any model gives.

python docs/examples/own_loop.py --out own_loop.png
"""

from pathlib import Path

import numpy as np
import torch
import typer

import fastdis


def main(out: Path = Path("own_loop.png"), steps: int = 300, every: int = 997) -> list[float]:
    """Write the KL of each latent after training; return the loss of each step."""
    torch.manual_seed(0)
    data = fastdis.data.dsprites().subset(slice(0, None, every))
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4096, 128), torch.nn.ReLU())
    encoder.append(torch.nn.Linear(128, 20))
    decoder = torch.nn.Sequential(torch.nn.Linear(10, 128), torch.nn.ReLU(), torch.nn.Linear(128, 4096))
    objective = fastdis.losses.BetaTCVAE(dataset_size=len(data), beta=4.0)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    rng, totals = np.random.default_rng(0), []
    for step in range(steps):
        images = data.images(rng.integers(len(data), size=64))
        mean, logvar = encoder(images).chunk(2, dim=1)
        z = fastdis.reparameterize(mean, logvar)
        reconstruction = decoder(z).view_as(images)
        terms = objective(reconstruction, images, z, mean, logvar, step=step)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
        totals.append(terms.total.item())
    with torch.inference_mode():
        mean, logvar = encoder(data.images(np.arange(len(data)))).chunk(2, dim=1)
    kl = fastdis.gaussian_kl(mean, logvar).numpy()
    fastdis.plots.kl_per_latent(kl, f"β-TCVAE in a loop of one's own, {steps} steps").savefig(out, dpi=120)
    print(f"wrote {out}")
    return totals


if __name__ == "__main__":
    typer.run(main)
