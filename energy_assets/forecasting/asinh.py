"""The variance-stabilising transform of prices and their drivers.

Belongs here: asinh scaling, its inverse, its parameters as arrays. Not here: models that use it
(`lear`), how they are stored (the `dump` of each member).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energy_assets.forecasting.arrays import BoolArray, FloatArray

# Median absolute deviation of a standard normal: makes the scale comparable to a deviation.
_NORMAL_MAD = 0.6744897501960817


@dataclass(frozen=True)
class Asinh:
    """The transform z = asinh((x - centre) / scale) per column, and its inverse.

    Uniejewski, Weron and Ziel (2018, IEEE Trans. Power Syst. 33(2)): median and median absolute
    deviation, asinh. Columns marked as dummies pass unchanged.
    """

    centre: FloatArray
    scale: FloatArray
    dummies: BoolArray

    @classmethod
    def fit(cls, values: FloatArray, dummies: BoolArray | None = None) -> Asinh:
        """Take centre and scale of each column; a scale of zero falls back to deviation, then 1."""
        mask = np.zeros(values.shape[1], dtype=bool) if dummies is None else dummies
        centre = np.median(values, axis=0)
        scale = np.median(np.abs(values - centre), axis=0) / _NORMAL_MAD
        scale = np.where(scale > 0, scale, values.std(axis=0))
        return cls(centre, np.where(scale > 0, scale, 1.0), mask)

    @classmethod
    def from_arrays(cls, found: Mapping[str, npt.ArrayLike], prefix: str = "") -> Asinh:
        """What `arrays` gave, as arrays or as lists of numbers; other names are left alone.

        Args:
            found: By name.
            prefix: The one given to `arrays`.

        Raises:
            KeyError: One of them is missing.
            ValueError: One of them is not numbers.
        """
        return cls(
            np.asarray(found[prefix + "centre"], dtype=float),
            np.asarray(found[prefix + "scale"], dtype=float),
            np.asarray(found[prefix + "dummies"], dtype=bool),
        )

    def arrays(self, prefix: str = "") -> dict[str, npt.NDArray[np.generic]]:
        """Its parameters by name, each (columns,).

        Stored models hold them under these names, so the names stay.

        Args:
            prefix: Put before each name, where an archive holds several transforms.
        """
        return {
            prefix + "centre": self.centre,
            prefix + "scale": self.scale,
            prefix + "dummies": self.dummies,
        }

    def forward(self, values: FloatArray) -> FloatArray:
        """Transform rows of values, (..., columns)."""
        result: FloatArray = np.arcsinh((values - self.centre) / self.scale)
        return np.where(self.dummies, values, result)

    def inverse(self, values: FloatArray) -> FloatArray:
        """Undo `forward`."""
        result: FloatArray = np.sinh(np.where(self.dummies, 0.0, values)) * self.scale + self.centre
        return np.where(self.dummies, values, result)
