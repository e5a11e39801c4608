"""The warehouse: dbt marts over the lake as assets, their tests as checks, and the job `warehouse`.

Public face: `warehouse_assets(settings)`, `warehouse_job`, `build_warehouse(settings)`.
Not here: the models themselves (`dbt_project/`), the analysts' views (`lakehouse.analysts`).
"""

from energy_assets.defs.warehouse.assets import warehouse_assets, warehouse_job
from energy_assets.defs.warehouse.build import build_warehouse

__all__ = ["build_warehouse", "warehouse_assets", "warehouse_job"]
