"""Run configurations with the hyper-parameters of the papers, for dSprites unless they name other data.

Unless it says otherwise, a preset has those of Locatello et al. 2019: Adam at 1e-4, batches of 64,
10 latents, 300,000 steps, and Burgess's architecture.
"""

from .run_config import RunConfig

_TWO_GROUPS = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
_FIVE_OF_TEN = [5.0] * 5 + [0.0] * 5  # nats: 25 in all, as in Burgess et al.

# Song 2018, section 3.4: epochs of a million drawn images, by how many factors the images have
_SONG_EPOCHS = {1: 10, 2: 10, 3: 20, 4: 30, 5: 30, 6: 60, 7: 60}

PRESETS = {
    "vae": RunConfig("vae"),
    "beta-vae": RunConfig("beta-vae", settings={"beta": 4.0}),
    "annealed-vae": RunConfig(
        "annealed-vae", settings={"gamma": 1000.0, "capacity": 25.0, "iterations": 100_000}
    ),
    "per-latent-capacity-vae": RunConfig(
        "per-latent-capacity-vae",
        settings={"capacities": _FIVE_OF_TEN, "gamma": 100.0, "iterations": 100_000},
    ),
    # Song 2018, section 5.2.3
    "adaptive-capacity-vae": RunConfig("adaptive-capacity-vae"),
    "kl-weighted-vae": RunConfig("kl-weighted-vae", settings={"beta": 4.0, "share": 0.5}),
    "constrained-kl-vae": RunConfig("constrained-vae", settings={"constraint": "kl", "bound": 15.0}),
    "geco": RunConfig("constrained-vae", settings={"constraint": "reconstruction", "bound": 40.0}),
    "beta-tcvae": RunConfig("beta-tcvae", settings={"beta": 6.0}),
    "factor-vae": RunConfig("factor-vae", settings={"gamma": 35.0}),
    "dip-vae-i": RunConfig("dip-vae", settings={"variant": "i", "lambda_od": 10.0, "lambda_d": 100.0}),
    "dip-vae-ii": RunConfig("dip-vae", settings={"variant": "ii", "lambda_od": 10.0, "lambda_d": 10.0}),
    "hfvae": RunConfig("hfvae", settings={"groups": _TWO_GROUPS, "beta": 6.0}),
    "hierarchical-vae": RunConfig("hierarchical-elbo", settings={"below": [32]}),
    "ada-gvae": RunConfig("ada-gvae", settings={"beta": 1.0}),
    "ada-ml-vae": RunConfig("ada-ml-vae", settings={"beta": 1.0}),
    "ae": RunConfig("ae"),
    "tied-ae": RunConfig("ae", "mlp-ae", settings={"tied": True}),
    "denoising-ae": RunConfig("denoising-ae", settings={"dropout": 0.25}),
    "sparse-ae": RunConfig("sparse-ae", settings={"weight": 1.0}),
    "ista": RunConfig("sparse-ae", "ista-ae", settings={"weight": 1.0, "likelihood": "gaussian"}),
    "lista": RunConfig(
        "sparse-ae",
        "ista-ae",
        settings={"weight": 1.0, "likelihood": "gaussian", "iterations": 5, "learned": True},
    ),
    "k-sparse-ae": RunConfig("ae", settings={"k": 5}),
    "contractive-ae": RunConfig("contractive-ae", settings={"weight": 0.1, "tied": True}),
    "stacked-denoising-ae": RunConfig(
        "stacked-denoising-ae", settings={"pretraining": 50_000, "dropout": 0.25}
    ),
    # Burgess et al. 2018
    "burgess-annealed-vae": RunConfig(
        "annealed-vae",
        settings={"gamma": 1000.0, "capacity": 25.0, "iterations": 100_000},
        learning_rate=5e-4,
    ),
    # Kim & Mnih 2018, their networks for 2D shapes; InfoGAN is their baseline, 5 codes and 5 noise variables
    "kim-beta-vae": RunConfig("beta-vae", "kim-2d", settings={"beta": 4.0}),
    "kim-factor-vae": RunConfig("factor-vae", "kim-2d", settings={"gamma": 35.0}),
    "infogan": RunConfig("infogan", settings={"noise": 5}, latents=5),
    "infogan-categorical": RunConfig("infogan", settings={"noise": 5, "categories": [3]}, latents=4),
    # Chen et al. 2018: dense networks, batches of 2048, 50 epochs
    "chen-beta-vae": RunConfig(
        "beta-vae", "chen", settings={"beta": 4.0}, batch_size=2048, learning_rate=1e-3, steps=18_000
    ),
    "chen-beta-tcvae": RunConfig(
        "beta-tcvae", "chen", settings={"beta": 6.0}, batch_size=2048, learning_rate=1e-3, steps=18_000
    ),
    # Kim & Mnih 2018, their networks and best strengths for 3D shapes, on a room with the same factors
    "kim-3d-beta-vae": RunConfig(
        "beta-vae", "kim-3d", settings={"beta": 32.0}, latents=6, dataset="room", steps=500_000
    ),
    "kim-3d-factor-vae": RunConfig(
        "factor-vae", "kim-3d", settings={"gamma": 7.0}, latents=6, dataset="room", steps=500_000
    ),
    # Song 2018, experiment 2: 20 latents, one to seven factors; β = 1 is the VAE, and he tried 2, 4 and 8
    **{
        f"song-vae-k{k}": RunConfig(
            "beta-vae",
            "song",
            settings={"beta": 1.0, "k": k},
            latents=20,
            dataset="scenes",
            steps=epochs * 1_000_000 // 64,
            learning_rate=5e-4,
        )
        for k, epochs in _SONG_EPOCHS.items()
    },
}
