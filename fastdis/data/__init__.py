"""Data sets: images by index, with their factors of variation where they are known.

One's own come from `arrays`, `load` (an npz, an HDF5 file, a folder of pictures) or `from_torch`. Each
published data set has a function of its own; `DATASETS` lists them by name.
"""

from .arrays import arrays
from .dsprites import dsprites, write_npz
from .dsprites.nuisances import color_dsprites, noisy_dsprites, scream_dsprites
from .factor_dataset import FactorDataset
from .from_torch import from_torch
from .image_dataset import ImageDataset
from .load import load
from .pairs import Pairs
from .protocols import FactorData, Images
from .published.basel_faces import basel_faces
from .published.cars3d import cars3d
from .published.celeba import celeba
from .published.chairs3d import chairs3d
from .published.mpi3d import mpi3d, mpi3d_complex
from .published.shapes3d import shapes3d
from .published.smallnorb import smallnorb
from .registry import DATASETS, DatasetEntry, open_data
from .room import room
from .scenes import scenes
from .simulator import Simulator
from .write_simulated import write_simulated

__all__ = [
    "DATASETS",
    "DatasetEntry",
    "FactorData",
    "FactorDataset",
    "ImageDataset",
    "Images",
    "Pairs",
    "Simulator",
    "arrays",
    "basel_faces",
    "cars3d",
    "celeba",
    "chairs3d",
    "color_dsprites",
    "dsprites",
    "from_torch",
    "load",
    "mpi3d",
    "mpi3d_complex",
    "noisy_dsprites",
    "open_data",
    "room",
    "scenes",
    "scream_dsprites",
    "shapes3d",
    "smallnorb",
    "write_npz",
    "write_simulated",
]
