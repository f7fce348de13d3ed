"""PCA, ICA, sparse coding, k-means and NMF from minibatches of rows, through scikit-learn.

Each gives a row x the code z from which it is decoded linearly, x = z A + b; lecture 15 has sparse coding and
independent components as the classical examples.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
Batches: TypeAlias = Callable[..., Iterator[Matrix]]  # of rows in random order; ``once``, or often enough

_STEPS = 1000  # of ICA at most
_SHRINKAGE = 1.0  # of sparse codes: the weight of their absolute values


@dataclass(frozen=True)
class Learned:
    """Hold how rows become codes, and how codes become rows.

    encode: from rows (n, pixels) to codes (n, latents).
    components: A, (latents, pixels).
    offset: b, (pixels,).
    """

    encode: Callable[[Matrix], NDArray[Any]]
    components: NDArray[Any]
    offset: NDArray[Any]


def pca(batches: Batches, latents: int, seed: int) -> Learned:
    """Learn principal components; twice as many and ten more are kept from batch to batch, for precision."""
    from sklearn.decomposition import IncrementalPCA

    model: Any = None
    for batch in batches(once=True):
        if model is None:
            kept = max(latents, min(2 * latents + 10, *batch.shape))
            model = IncrementalPCA(kept)
        model.partial_fit(batch)
    components, mean = model.components_[:latents], model.mean_
    return Learned(lambda rows: (rows - mean) @ components.T, components, mean)


def ica(batches: Batches, latents: int, seed: int) -> Learned:
    """Learn independent components of the whitened principal components of all rows."""
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    principal = pca(batches, latents, seed)
    codes = np.concatenate([principal.encode(batch) for batch in batches(once=True)])
    model = FastICA(latents, whiten="unit-variance", max_iter=_STEPS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(codes.astype(np.float64))
    if model.n_iter_ >= _STEPS:
        warnings.warn(f"ica: FastICA did not converge in {_STEPS:,} steps", stacklevel=2)
    return Learned(
        lambda rows: model.transform(principal.encode(rows)),
        model.mixing_.T @ principal.components,
        principal.offset + model.mean_ @ principal.components,
    )


def sparse_coding(batches: Batches, latents: int, seed: int) -> Learned:
    """Learn a dictionary of atoms of norm 1; a code minimises 1/2 |x - z A|^2 + |z|_1."""
    from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode

    model: Any = None
    for batch in batches():
        if model is None:
            model = MiniBatchDictionaryLearning(
                latents,
                alpha=_SHRINKAGE,
                batch_size=len(batch),
                fit_algorithm="cd",
                random_state=seed,
            )
        model.partial_fit(batch.astype(np.float64))  # in float32 the lasso's duality gap is lost in rounding
    atoms = model.components_

    def encode(rows: Matrix) -> NDArray[Any]:
        exact = rows.astype(np.float64)
        codes: NDArray[Any] = sparse_encode(exact, atoms, algorithm="lasso_cd", alpha=_SHRINKAGE)
        return codes

    return Learned(encode, atoms, np.zeros(atoms.shape[1]))


def k_means(batches: Batches, latents: int, seed: int) -> Learned:
    """Learn centres; a code has a 1 for the nearest and 0 for all others."""
    from sklearn.cluster import MiniBatchKMeans

    model: Any = None
    for batch in batches():
        if model is None:
            model = MiniBatchKMeans(latents, batch_size=len(batch), n_init=3, random_state=seed)
        model.partial_fit(batch)
    nearest = np.eye(latents, dtype=np.float32)
    centres = model.cluster_centers_
    return Learned(lambda rows: nearest[model.predict(rows)], centres, np.zeros(centres.shape[1]))


def nmf(batches: Batches, latents: int, seed: int) -> Learned:
    """Learn parts of norm 1 of which rows are sums: codes and parts are at least 0."""
    from sklearn.decomposition import MiniBatchNMF

    model: Any = None
    for batch in batches():
        if model is None:
            model = MiniBatchNMF(latents, batch_size=len(batch), random_state=seed)
        model.partial_fit(batch)
    norms = np.linalg.norm(model.components_, axis=1)
    norms[norms == 0] = 1  # of a part that no image needs
    return Learned(
        lambda rows: model.transform(rows) * norms,
        model.components_ / norms[:, None],
        np.zeros(model.components_.shape[1]),
    )


METHODS: dict[str, Callable[[Batches, int, int], Learned]] = {
    "pca": pca,
    "ica": ica,
    "sparse-coding": sparse_coding,
    "k-means": k_means,
    "nmf": nmf,
}
