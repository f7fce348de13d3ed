"""Fits of predictors, whose warnings become notes of the result instead of lines on the terminal."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController


class Fits:
    """Fit scikit-learn's predictors and count those that do not converge.

    On one thread: ten thousand rows are too few to share, and threads that wait for each other by spinning
    take ten times as long beside another process.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> fits = Fits()
        >>> _ = fits.fit(LogisticRegression(max_iter=1), np.arange(4.0)[:, None], np.arange(4) // 2)
        >>> fits.notes
        ('1 of 1 fits did not converge',)
    """

    def __init__(self) -> None:
        self._count = 0
        self._notes: Counter[str] = Counter()
        self._threads = ThreadpoolController()

    def fit(self, model: Any, x: NDArray[np.floating], labels: NDArray[Any] | None) -> Any:
        """Fit the model and return it."""
        from sklearn.exceptions import ConvergenceWarning

        self._count += 1
        with warnings.catch_warnings(record=True) as caught, self._threads.limit(limits=1):
            warnings.simplefilter("always")
            model.fit(x, labels)
        # what a later version of the library will do says nothing about this fit
        about = [w for w in caught if not issubclass(w.category, FutureWarning | DeprecationWarning)]
        self._notes.update(
            {
                "did not converge"
                if issubclass(w.category, ConvergenceWarning)
                else f"warned: {str(w.message).splitlines()[0]}"
                for w in about
            }
        )
        return model

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings of the fits, each with the number of fits that gave it."""
        return tuple(f"{count:,} of {self._count:,} fits {text}" for text, count in self._notes.items())
