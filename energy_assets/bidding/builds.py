"""The three ways to make a problem's matrix, by name.

Not here: equations (`model`, `twin`), the solver (`handoff`).
"""

from __future__ import annotations

from energy_assets.bidding.handoff import SparseModel, compile_model
from energy_assets.bidding.model.build import ModeCells, build_model
from energy_assets.bidding.model_data import ModelData
from energy_assets.bidding.problem import Build
from energy_assets.bidding.twin.build import build_twin


def compiled_model(
    data: ModelData, build: Build, mode_cells: ModeCells | None = None
) -> SparseModel:
    """The sparse model of a problem.

    Args:
        data: Arrays of the problem.
        build: `templated` or `plain` Pyomo rules, or the numpy `twin`: the same model.
        mode_cells: Per battery, the (scenario, MTU) cells that get a mode binary.
    """
    if build == "twin":
        return build_twin(data, mode_cells)
    return compile_model(build_model(data, mode_cells, templated=build == "templated"))
