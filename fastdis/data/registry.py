"""The data sets by the names that the command line and ``config.json`` give them."""

import inspect
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..kernels.sprites import FACTOR_VALUES as DSPRITES_FACTORS
from .dsprites import dsprites
from .dsprites.nuisances import color_dsprites, noisy_dsprites, scream_dsprites
from .image_dataset import ImageDataset, StrPath
from .load import load
from .published.basel_faces import FACTORS as BASEL_FACTORS
from .published.basel_faces import basel_faces
from .published.cars3d import FACTORS as CARS_FACTORS
from .published.cars3d import cars3d
from .published.celeba import celeba
from .published.chairs3d import AZIMUTHS, ELEVATIONS, OBJECTS, chairs3d
from .published.mpi3d import COMPLEX_FACTORS, mpi3d, mpi3d_complex
from .published.mpi3d import FACTORS as MPI3D_FACTORS
from .published.shapes3d import FACTORS as SHAPES_FACTORS
from .published.shapes3d import shapes3d
from .published.smallnorb import FACTORS as NORB_FACTORS
from .published.smallnorb import smallnorb
from .room import FACTORS as ROOM_FACTORS
from .room import room
from .scenes import scenes
from .simulator import Simulator


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that has a name.

    open: the function, called with a path, or without where none is needed.
    file: what the path leads to; empty where the images are always drawn.
    where: where the user gets it.
    paper: who made or first used the data set.
    factors: the number of values of each factor, by name; empty where none is known before it is opened.
    needs_path: whether there is no data set without a path.
    """

    open: Callable[..., ImageDataset | Simulator]
    file: str
    where: str
    paper: str
    factors: Mapping[str, int]
    needs_path: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """What can be set, with the defaults; ``inspect.Parameter.empty`` for what has none."""
        return settings_of(self.open)


def settings_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments of a data set's function, with their defaults, but those that are paths to it.

    Example:
        >>> settings_of(noisy_dsprites)
        {'seed': 0}
    """
    parameters = inspect.signature(function).parameters
    return {name: parameter.default for name, parameter in parameters.items() if name not in _PATHS}


_PATHS = ("path", "background", "cache_dir")


def _sizes(values: Mapping[str, Sized]) -> dict[str, int]:
    return {name: len(of_factor) for name, of_factor in values.items()}


_OFFICIAL = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz or .hdf5"
_DEEPMIND = "https://github.com/google-deepmind/dsprites-dataset, or drawn here"
_LOCATELLO = "Locatello et al. 2019, Challenging Common Assumptions"
_GONDAL = "Gondal et al. 2019, On the Transfer of Inductive Bias from Simulation to the Real World"
_MPI3D = "https://github.com/rr-learning/disentanglement_dataset"
_DRAWN = "drawn here"
_SPRITES = _sizes(DSPRITES_FACTORS)
_CHAIRS = {"object": OBJECTS, "azimuth": AZIMUTHS, "elevation": ELEVATIONS}

DATASETS = {
    "dsprites": DatasetEntry(
        dsprites, _OFFICIAL, _DEEPMIND, "Matthey et al. 2017, dSprites", _SPRITES, needs_path=False
    ),
    "color-dsprites": DatasetEntry(
        color_dsprites, _OFFICIAL, _DEEPMIND, _LOCATELLO, _SPRITES, needs_path=False
    ),
    "noisy-dsprites": DatasetEntry(
        noisy_dsprites, _OFFICIAL, _DEEPMIND, _LOCATELLO, _SPRITES, needs_path=False
    ),
    "scream-dsprites": DatasetEntry(
        scream_dsprites, "a picture, such as Munch's The Scream", "any collection", _LOCATELLO, _SPRITES
    ),
    "3dshapes": DatasetEntry(
        shapes3d,
        "3dshapes.h5",
        "https://github.com/google-deepmind/3d-shapes",
        "Kim & Mnih 2018, Disentangling by Factorising",
        _sizes(SHAPES_FACTORS),
    ),
    "cars3d": DatasetEntry(
        cars3d,
        "the folder of car_*_mesh.mat",
        "http://www.scottreed.info (nips2015-analogy-data)",
        "Reed et al. 2015, Deep Visual Analogy-Making",
        _sizes(CARS_FACTORS),
    ),
    "smallnorb": DatasetEntry(
        smallnorb,
        "the folder of smallnorb-5x46789x9x18x6x2x96x96-training-dat.mat and its five companions",
        "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/",
        "LeCun, Huang & Bottou 2004, Learning Methods for Generic Object Recognition",
        _sizes(NORB_FACTORS),
    ),
    "mpi3d-toy": DatasetEntry(mpi3d, "mpi3d_toy.npz", _MPI3D, _GONDAL, _sizes(MPI3D_FACTORS)),
    "mpi3d-realistic": DatasetEntry(mpi3d, "mpi3d_realistic.npz", _MPI3D, _GONDAL, _sizes(MPI3D_FACTORS)),
    "mpi3d-real": DatasetEntry(mpi3d, "mpi3d_real.npz", _MPI3D, _GONDAL, _sizes(MPI3D_FACTORS)),
    "mpi3d-complex": DatasetEntry(
        mpi3d_complex, "real3d_complicated_shapes_ordered.npz", _MPI3D, _GONDAL, _sizes(COMPLEX_FACTORS)
    ),
    "3dchairs": DatasetEntry(
        chairs3d,
        "rendered_chairs, a folder",
        "https://www.di.ens.fr/willow/research/seeing3Dchairs/",
        "Aubry et al. 2014, Seeing 3D Chairs",
        _CHAIRS,
    ),
    "basel-faces": DatasetEntry(
        basel_faces,
        "basel_face_renders.pth",
        "https://faces.dmi.unibas.ch/bfm/ (licence) and the authors of github.com/rtqichen/beta-tcvae",
        "Paysan et al. 2009, A 3D Face Model for Pose and Illumination Invariant Face Recognition",
        _sizes(BASEL_FACTORS),
    ),
    "celeba": DatasetEntry(
        celeba,
        "the folder of img_align_celeba/ and list_attr_celeba.txt",
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        "Liu et al. 2015, Deep Learning Face Attributes in the Wild",
        {},
    ),
    "scenes": DatasetEntry(
        scenes, "", _DRAWN, "Song 2018, with one to seven factors as k says", {}, needs_path=False
    ),
    "room": DatasetEntry(
        room,
        "",
        _DRAWN,
        "the factors of 3D Shapes (Kim & Mnih 2018), other images",
        {name: len(factor.values) for name, factor in ROOM_FACTORS.items() if factor.values is not None},
        needs_path=False,
    ),
}


def open_data(data: StrPath, path: StrPath | None = None, **settings: Any) -> ImageDataset | Simulator:
    """Open a data set by its name in `DATASETS`, or one's own file or folder.

    Args:
        data: a name, or the path of what `load` opens.
        path: what the data set of that name is read from; see the entry's ``file``.
        settings: arguments of the data set's function, or of `load`; see the entry's ``settings``.

    Raises:
        FileNotFoundError: there is no such name and no such file (close matches are named), or nothing at
            path.
        TypeError, ValueError: the path is missing or superfluous, or what the data set's function raises.

    Example:
        >>> len(open_data("dsprites")), open_data("scenes", k=2).factor_names
        (737280, ('x', 'y'))
        >>> open_data("3dshapes")
        Traceback (most recent call last):
        ValueError: data '3dshapes' needs a path, to 3dshapes.h5 from https://github.com/google-deepmind/3d-shapes
    """
    name = str(data)
    if name in DATASETS:
        entry = DATASETS[name]
        if path is None and entry.needs_path:
            raise ValueError(f"data {name!r} needs a path, to {entry.file} from {entry.where}")
        if path is not None and not entry.file:
            raise ValueError(
                f"path must be None for data {name!r}, which is {entry.where}, got {str(path)!r}"
            )
        return entry.open(**settings) if path is None else entry.open(path, **settings)
    require_data(data)
    if path is not None:
        raise ValueError(f"path must be None for data of one's own, got {str(path)!r} beside {name!r}")
    return load(data, **settings)


def require_data(data: StrPath) -> None:
    """Require the name of a data set, or a file or folder that is there.

    Raises:
        FileNotFoundError: it is neither; close matches are named.
    """
    name = str(data)
    if name not in DATASETS and not Path(data).exists():
        close = get_close_matches(name, DATASETS, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise FileNotFoundError(
            f"data must be one of {', '.join(DATASETS)}, or a file or folder, got {name!r}{hint}"
        )
