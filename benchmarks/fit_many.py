"""Steps a second of each model against the number of models trained at once, on the GPU if there is one.

python benchmarks/fit_many.py
"""

import torch

import fastdis
from fastdis.training import fit, fit_many

WARM, TIMED = 5, 25


def seconds_a_step(rows: list[dict[str, float]]) -> float:
    """From the second line of the log on, so that what is compiled in the first steps does not count."""
    first, last = rows[1], rows[-1]
    return (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = fastdis.data.dsprites().subset(slice(0, None, 37))
    settings = {"steps": WARM + TIMED, "log_every": WARM, "progress": False}
    objective = fastdis.losses.BetaTCVAE(len(data))
    print(torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads")
    print("\n| models | ms a step | ms a step and model | steps a second of each | of all |")
    print("|---|---|---|---|---|")
    alone = fit(fastdis.models.burgess_vae().to(device), objective, data, **settings)
    for count in (0, 1, 2, 4, 8, 16, 32, 64) if device == "cuda" else (0, 1, 2, 4):
        if count:
            models = [fastdis.models.burgess_vae().to(device) for _ in range(count)]
            seconds = seconds_a_step(fit_many(models, [objective] * count, data, **settings)[0])
        else:
            seconds = seconds_a_step(alone)
        name, together = (f"{count}", count) if count else ("`fit`, 1", 1)
        times = f"{seconds * 1e3:.1f} | {seconds / together * 1e3:.1f}"
        print(f"| {name} | {times} | {1 / seconds:.1f} | {together / seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
