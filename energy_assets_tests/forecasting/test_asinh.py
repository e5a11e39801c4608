"""The asinh transform as arrays: every form it is stored in gives the same bits back."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from energy_assets.forecasting.asinh import Asinh

VALUES = np.random.default_rng(4).standard_t(2, (30, 3))
FIRST = Asinh.fit(VALUES, np.array([False, True, False]))
SECOND = Asinh.fit(VALUES * 7)


def test_two_transforms_share_an_archive_without_mixing():
    file = io.BytesIO()
    np.savez(file, **FIRST.arrays("inputs_"), **SECOND.arrays("outputs_"))
    file.seek(0)
    with np.load(file, allow_pickle=False) as found:
        for transform, prefix in ((FIRST, "inputs_"), (SECOND, "outputs_")):
            again = Asinh.from_arrays(found, prefix)
            np.testing.assert_array_equal(again.forward(VALUES), transform.forward(VALUES))


def test_lists_of_numbers_are_read_with_their_types():
    text = json.dumps(FIRST.arrays(), default=np.ndarray.tolist)
    again = Asinh.from_arrays(json.loads(text))
    assert again.dummies.dtype == bool
    np.testing.assert_array_equal(again.inverse(VALUES), FIRST.inverse(VALUES))
    # No column at all keeps its types too.
    empty = Asinh.from_arrays({"centre": [], "scale": [], "dummies": []})
    assert empty.forward(np.empty((2, 0))).shape == (2, 0)


@pytest.mark.parametrize(
    ("changed", "error"), [({"scale": None}, KeyError), ({"centre": ["high"]}, ValueError)]
)
def test_what_is_no_transform_is_refused(changed, error):
    found = {"centre": [0.0], "scale": [1.0], "dummies": [False]} | changed
    with pytest.raises(error):
        Asinh.from_arrays({name: value for name, value in found.items() if value is not None})
