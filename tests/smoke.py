"""Try an installed fastdis from outside the checkout: `make smoke` runs this in an empty environment."""

import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
import torch

import fastdis

SCRIPT = Path(sysconfig.get_path("scripts")) / "fastdis"


def run(*command: object) -> str:
    """Run a command and return what it prints."""
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Stop at the first thing that is not as it should be."""
    package = Path(fastdis.__file__).parent
    assert package.is_relative_to(sysconfig.get_path("purelib")), package
    assert (package / "py.typed").exists()
    about = metadata.metadata("fastdis")
    assert about["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in about.get_all("Classifier", [])
    assert any(path.name == "LICENSE" for path in metadata.files("fastdis") or [])

    images = torch.rand(8, 784)
    encoder, decoder = torch.nn.Linear(784, 8), torch.nn.Linear(4, 784)
    mean, logvar = encoder(images).chunk(2, dim=1)
    z = fastdis.reparameterize(mean, logvar)
    terms = fastdis.losses.BetaTCVAE(dataset_size=8)(decoder(z), images, z, mean, logvar)
    terms.total.backward()
    assert encoder.weight.grad is not None
    factors = np.arange(96)[:, None] % 4
    assert fastdis.metrics.mig(np.column_stack([factors, np.zeros(96)]), factors).score > 0.99

    os.chdir(tempfile.mkdtemp())
    version = f"fastdis {metadata.version('fastdis')}"
    assert run(SCRIPT, "--version").strip() == version
    assert run(sys.executable, "-I", "-m", "fastdis", "--version").strip() == version
    os.environ.update(_FASTDIS_COMPLETE="complete_bash", COMP_WORDS="fastdis tr", COMP_CWORD="1")
    assert run(SCRIPT).split() == ["train"]  # the Tab key in bash
    del os.environ["_FASTDIS_COMPLETE"]
    assert "locatello-dsprites-short" in run(SCRIPT, "study", "list")
    run(SCRIPT, "train", "run", "--model", "linear", "--every", 7919, "--steps", 2)
    run(SCRIPT, "evaluate", "run", "--metrics", "mig")
    run(SCRIPT, "compare", "run", "--out", "comparison")
    for page in ("run/report.html", "comparison/compare.html"):
        assert "<style>" in Path(page).read_text(), page
    print(f"{version} from {package}: all well")


if __name__ == "__main__":
    main()
