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
    objective = fastdis.losses.BetaTCVAE(dataset_size=len(data))
    print(torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads")
    print("\n| models | ms a step | ms a step and model | steps a second of each | of all |")
    print("|---|---|---|---|---|")
    ways = {"`fit`": {}, "`fit`, compiled": {"compile": True}, "`fit`, bfloat16": {"precision": "bfloat16"}}
    for name, options in ways.items():
        rows = fit(fastdis.models.burgess_vae().to(device), objective, data, **settings, **options)
        print(line(name, 1, seconds_a_step(rows)), flush=True)
    for count in (1, 2, 4, 8, 16, 32, 64) if device == "cuda" else (1, 2, 4):
        models = [fastdis.models.burgess_vae().to(device) for _ in range(count)]
        rows = fit_many(models, [objective] * count, data, **settings)[0]
        print(line(f"{count}", count, seconds_a_step(rows)), flush=True)


def line(name: str, count: int, seconds: float) -> str:
    times = f"{seconds * 1e3:.2f} | {seconds / count * 1e3:.2f} | {1 / seconds:.1f} | {count / seconds:.1f}"
    return f"| {name} | {times} |"


if __name__ == "__main__":
    main()
