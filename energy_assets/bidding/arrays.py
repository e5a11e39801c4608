"""Array fields of pydantic models: numpy inside, nested lists in JSON, finite numbers only.

Not here: what the arrays mean (`problem`) or which shapes fit together (its checks).
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

FloatArray = npt.NDArray[np.float64]


def _array(dimensions: int) -> Any:
    def read(value: Any) -> FloatArray:
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            msg = f"{'rows of equal length' if dimensions == 2 else 'a list'} of numbers"
            raise ValueError(msg) from error
        if array.ndim != dimensions or not array.size:
            msg = f"an array of {dimensions} dimension{'s' * (dimensions > 1)} that is not empty"
            raise ValueError(msg)
        if not np.isfinite(array).all():
            position = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            msg = f"finite numbers (see index {list(position)})"
            raise ValueError(msg)
        array.flags.writeable = False
        return array

    return PlainValidator(read)


_NUMBERS: dict[str, Any] = {"type": "array", "items": {"type": "number"}}
_ROWS: dict[str, Any] = {"type": "array", "items": _NUMBERS}
_lists = PlainSerializer(lambda array: array.tolist())
Vector = Annotated[FloatArray, _array(1), _lists, WithJsonSchema(_NUMBERS)]
Matrix = Annotated[FloatArray, _array(2), _lists, WithJsonSchema(_ROWS)]
