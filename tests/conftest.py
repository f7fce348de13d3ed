"""What every test may ask for. The folder ``shared`` beside the checkout may be absent."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real frames and pretrained weights, or a skip with the reason."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("the folder shared/ with real frames and weights is not beside this checkout")
    return path
