"""Decompose the KL of a model that was trained elsewhere: its weights, our exact aggregated posterior.

The numbers are those of the images taken. Of one image in 999 the total correlation of the β-VAE below is 8.3
nats, of all it is 2.7: few narrow posteriors leave holes in q(z).

    python docs/examples/elsewhere.py --weights results/betaH_dsprites/model.pt --every 1
    python docs/examples/elsewhere.py --weights model.ckpt --source disent
"""

from pathlib import Path

import numpy as np
import torch
import typer

import fastdis


def main(
    out: Path = Path("elsewhere.png"),
    weights: Path | None = None,
    source: str = "disentangling-vae",
    every: int = 101,
) -> fastdis.posterior.PosteriorDecomposition:
    """Write q(z_d) of each latent; return the parts of the KL. Without weights the model is untrained."""
    torch.manual_seed(0)
    if weights is None:
        weights = out.with_name("model.pt")
        ours = fastdis.models.burgess_vae(latents=4).state_dict()
        names = fastdis.models.foreign.layer_names(source)[0]
        pairs = [(f"{n}.{k}", f"{layer}.{k}") for n, layer in names.items() for k in ("weight", "bias")]
        torch.save({theirs: ours[name] for theirs, name in pairs}, weights)
    model = fastdis.models.load_foreign(weights, source=source)
    data = fastdis.data.dsprites()
    data = data.subset(np.arange(0, len(data), every))
    mean, logvar = fastdis.evaluation.encode(model, data, progress=False)
    parts = fastdis.posterior.decompose(mean, logvar, queries="auto")
    z, density = fastdis.posterior.marginal_curves(mean, logvar)
    title = f"{weights.name}, {len(data):,} images: total correlation {parts.total_correlation:.2f} nats"
    fastdis.plots.aggregated_marginals(z, density, parts.dimwise_kl_per_latent, title).savefig(out, dpi=120)
    print(f"wrote {out}")
    print(parts)
    return parts


if __name__ == "__main__":
    typer.run(main)
