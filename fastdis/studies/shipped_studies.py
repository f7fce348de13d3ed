"""The studies of the papers, which come with the package as TOML files."""

from pathlib import Path

from ..training.registry import require_known
from .study import SUFFIX, Study

FOLDER = Path(__file__).parent / "shipped"


def names() -> list[str]:
    """List the names of the shipped studies."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def find(name_or_path: str | Path) -> Study:
    """Read a study: a shipped one by its name, or a file.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError, ValueError: there is no such name (close matches are named), or the file is not a study.

    Example:
        >>> find("thesis-1").axes["latents"]
        [5, 10, 15, 20]
    """
    text = str(name_or_path)
    if text in names():
        return Study.read(FOLDER / f"{text}{SUFFIX}")
    if not text.endswith(SUFFIX) and not Path(text).exists():
        require_known("study: a study that is not a .toml file", text, names())
    return Study.read(text)
