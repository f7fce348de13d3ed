"""Import fastdis from this checkout, without installing it: the machine with the GPU may have no network."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_checkout() -> None:
    """Make this checkout's fastdis importable: kernels/ lies at its top level and is fastdis.kernels."""
    places = [str(ROOT / "fastdis"), str(ROOT)]
    spec = importlib.util.spec_from_file_location(
        "fastdis", ROOT / "fastdis" / "__init__.py", submodule_search_locations=places
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["fastdis"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path += [str(ROOT / "tests"), str(ROOT / "benchmarks")]
